"""Files with one JSON object a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zaoju.contracts import Document, Problem
from zaoju.corpus import SourceFile, Span, TextLines, parse_object, plan_spans
from zaoju_builtin.readers.file_reader import FileReader
from zaoju_builtin.readers.json_objects import document_of_object
from zaoju_builtin.readers.options import JsonLinesOptions


class JsonLinesReader(FileReader[JsonLinesOptions]):
    """One JSON object a line: a text in one field or several, or a conversation."""

    def suffixes(self) -> Sequence[str]:
        """Which names to read in folders."""
        return self.options.suffixes

    def gives_conversations(self) -> bool:
        """Whether the options name a prompt and an answer, or turns."""
        return self.options.conversations

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
                    value = parse_object(line.text)
                    document = document_of_object(value, self.options, f"{file.label}:{line.number}", line.replaced)
                except ValueError as error:
                    yield Problem(f"{file.shown} line {line.number}", str(error), lines.size_of(line.text))
                else:
                    yield document
