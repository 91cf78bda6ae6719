"""Files with one JSON object a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zaoju.contracts import Document, Problem
from zaoju.corpus import SourceFile, Span, TextLines, parse_object, plan_spans, text_of
from zaoju_builtin.readers.file_reader import FileReader
from zaoju_builtin.readers.options import JsonLinesOptions


class JsonLinesReader(FileReader[JsonLinesOptions]):
    """One JSON object a line; the text is in one field or several."""

    def suffixes(self) -> Sequence[str]:
        """Which names to read in folders."""
        return self.options.suffixes

    def spans(self, file: SourceFile) -> list[Span]:
        """Cut at line ends."""
        return plan_spans(file, self.options.encoding)

    def documents(self, file: SourceFile, lines: TextLines) -> Iterator[Document | Problem]:
        """One document a line. A line that is no document is a problem, and the next one is read."""
        for line in lines:
            if isinstance(line, Problem):
                yield line
            elif line.text is None:
                reason = f"longer than {self.options.maximum_characters:,} characters: see `maximum_characters:`"
                yield Problem(f"{file.shown} line {line.number}", reason, line.bytes)
            elif line.text.strip():
                try:
                    text = text_of(parse_object(line.text), self.options.fields)
                except ValueError as error:
                    yield Problem(f"{file.shown} line {line.number}", str(error), lines.size_of(line.text))
                else:
                    yield Document(text, f"{file.label}:{line.number}", line.replaced)
