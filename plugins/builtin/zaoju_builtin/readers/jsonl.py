"""Files with one JSON object a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zaoju.contracts import Document, Problem
from zaoju.corpus import Line, SourceFile, parse_object, text_of
from zaoju_builtin.readers.file_reader import FileReader
from zaoju_builtin.readers.options import JsonLinesOptions


class JsonLinesReader(FileReader[JsonLinesOptions]):
    """One JSON object a line; the text is in one field or several."""

    def suffixes(self) -> Sequence[str]:
        """Which names to read in folders."""
        return self.options.suffixes

    def documents(self, file: SourceFile, lines: Iterator[Line | Problem]) -> Iterator[Document | Problem]:
        """One document a line. A line that is no document is a problem, and the next one is read."""
        for line in lines:
            if isinstance(line, Problem):
                yield line
            elif line.text is None:
                reason = f"longer than {self.options.maximum_characters:,} characters: see `maximum_characters:`"
                yield Problem(f"{file.shown} line {line.number}", reason, line.bytes)
            elif line.text.strip():
                yield self._document(file, line.number, line.text)

    def _document(self, file: SourceFile, number: int, line: str) -> Document | Problem:
        try:
            text = text_of(parse_object(line), self.options.fields)
        except ValueError as error:
            return Problem(f"{file.shown} line {number}", str(error), len(line.encode(self.options.encoding)))
        return Document(text, f"{file.label}:{number}")
