"""Plain text files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from zaoju.contracts import Document, Problem
from zaoju.corpus import Line, SourceFile, Span, TextLines, plan_spans
from zaoju_builtin.readers.file_reader import FileReader
from zaoju_builtin.readers.options import TextOptions


class TextReader(FileReader[TextOptions]):
    """Plain text files and folders of them; a document ends at a blank line, at each line end, or with the file."""

    def suffixes(self) -> Sequence[str]:
        """Which names to read in folders."""
        return self.options.suffixes

    def spans(self, file: SourceFile) -> list[Span]:
        """Cut between documents."""
        mode = self.options.documents
        if mode == "file":
            return [Span()]
        return plan_spans(file, self.options.encoding, at_blank_lines=mode == "blank_line")

    def documents(self, file: SourceFile, lines: TextLines) -> Iterator[Document | Problem]:
        """Gather lines until a document ends. A document in which the file breaks off is left out as a whole."""
        mode = self.options.documents
        block = _Block(file, self.options, lines.size_of)
        for line in lines:
            if isinstance(line, Problem) and line.stops:
                yield replace(line, bytes=line.bytes + block.size())
                return
            if isinstance(line, Problem):
                yield line
                continue
            blank = line.text is not None and not line.text.strip()
            if blank and mode == "blank_line":
                yield from block.finish()
            elif not blank or mode == "file":
                block.add(line)
            if mode == "line":
                yield from block.finish()
        yield from block.finish()


class _Block:
    """The lines of the document that is being gathered; once it is too long, only its size."""

    def __init__(self, file: SourceFile, options: TextOptions, size_of: Callable[[str], int]) -> None:
        self._file = file
        self._size_of = size_of
        self._options = options
        self._lines: list[str] = []
        self._first = self._last = self._characters = self._passed_over = self._replaced = 0

    def add(self, line: Line) -> None:
        """Append a line."""
        self._first = self._first or line.number
        self._last = line.number
        self._replaced += line.replaced
        if line.text is not None:
            self._lines.append(line.text)
            self._characters += len(line.text) + 1
        if line.text is None or self._characters > self._options.maximum_characters + 1:
            self._passed_over = self.size() + line.bytes
            self._lines.clear()

    def size(self) -> int:
        """How many bytes the lines stand for, without their ends."""
        return self._passed_over + sum(map(self._size_of, self._lines))

    def finish(self) -> Iterator[Document | Problem]:
        """The document, unless there is none or it is too long; and begin the next."""
        where = str(self._first) if self._first == self._last else f"{self._first}-{self._last}"
        if self._passed_over:
            reason = (
                f"longer than {self._options.maximum_characters:,} characters: part it into documents, look at"
                " `documents:`, or raise `maximum_characters:` in the reader"
            )
            yield Problem(f"{self._file.shown} line {where}", reason, self.size())
        else:
            text = "\n".join(self._lines)
            if text.strip():
                yield Document(text, f"{self._file.label}:{where}", self._replaced)
        self._lines.clear()
        self._first = self._last = self._characters = self._passed_over = self._replaced = 0
