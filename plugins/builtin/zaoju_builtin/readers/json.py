"""JSON files that hold a list of objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zaoju.contracts import Document, Problem
from zaoju.corpus import SourceFile, TextLines
from zaoju_builtin.readers.file_reader import FileReader
from zaoju_builtin.readers.json_objects import document_of_object
from zaoju_builtin.readers.json_stream import JsonStream, JsonStreamError
from zaoju_builtin.readers.options import JsonOptions


class JsonReader(FileReader[JsonOptions]):
    """One document an element of a list; the file may be of any size, since one element at a time is kept."""

    def suffixes(self) -> Sequence[str]:
        """Which names to read in folders."""
        return self.options.suffixes

    def gives_conversations(self) -> bool:
        """Whether the options name a prompt and an answer, or turns."""
        return self.options.conversations

    def documents(self, file: SourceFile, lines: TextLines) -> Iterator[Document | Problem]:
        """One document an element. An element that is none is a problem; where the JSON ends, so does the file."""
        failed: list[Problem] = []
        number = 0
        try:
            path = self.options.path.split(".") if self.options.path else []
            stream = JsonStream(self._blocks(lines, failed), self.options.maximum_characters)
            for number, value in enumerate(stream.elements(path), start=1):
                yield self._document(file, number, value)
        except JsonStreamError as error:
            if not any(problem.stops for problem in failed):
                yield Problem(file.shown, f"{error}; {number:,} elements before it were read")
        yield from failed

    def _blocks(self, lines: TextLines, failed: list[Problem]) -> Iterator[str]:
        for block in lines.blocks():
            if isinstance(block, Problem):
                failed.append(block)
                if block.stops:
                    return
                continue
            yield block

    def _document(self, file: SourceFile, number: int, value: object) -> Document | Problem:
        try:
            if not isinstance(value, dict):
                raise ValueError("is not a JSON object")
            document = document_of_object(value, self.options, f"{file.label}:{number}")
        except ValueError as error:
            return Problem(f"{file.shown} element {number}", str(error))
        if len(document.text) > self.options.maximum_characters:
            reason = f"longer than {self.options.maximum_characters:,} characters: see `maximum_characters:`"
            return Problem(f"{file.shown} element {number}", reason, len(document.text.encode("utf-8", "replace")))
        return document
