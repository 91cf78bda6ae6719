"""What the readers of files share: finding them, reading their lines, and saying what could not be read."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from zaoju.contracts import Document, Problem, Reader
from zaoju.corpus import Line, SourceFile, TextLines, find_files, fingerprint_files
from zaoju_builtin.readers.options import FileOptions

FileOptionsT = TypeVar("FileOptionsT", bound=FileOptions)


class FileReader(Reader[FileOptionsT]):
    """A reader of text files. A subclass says which names it reads in folders, and how lines make documents."""

    def __init__(self, options: FileOptionsT) -> None:
        super().__init__(options)
        self._found = find_files(options.paths, self.suffixes())
        self._bytes_before = 0
        self._current: TextLines | None = None

    @abstractmethod
    def suffixes(self) -> Sequence[str]:
        """Which names to read in folders."""

    @abstractmethod
    def documents(self, file: SourceFile, lines: Iterator[Line | Problem]) -> Iterator[Document | Problem]:
        """The documents in the lines of one file. Problems among the lines are passed on."""

    def read(self) -> Iterator[Document | Problem]:
        """Every document of every file."""
        self._bytes_before = 0
        for item in self._found:
            if isinstance(item, Problem):
                yield item
                continue
            yield from self._read_file(item)
            self._bytes_before += item.size
            self._current = None

    def fingerprint(self) -> str:
        """A hash of all files and what could not be read."""
        return fingerprint_files(self._found)

    def files(self) -> list[Path]:
        """The files that are read."""
        return [item.path for item in self._found if isinstance(item, SourceFile)]

    def size(self) -> int:
        """The bytes of all files."""
        return sum(item.size for item in self._found if isinstance(item, SourceFile))

    def position(self) -> int:
        """The bytes read so far."""
        return self._bytes_before + (self._current.position if self._current else 0)

    def _read_file(self, file: SourceFile) -> Iterator[Document | Problem]:
        options = self.options
        lines = TextLines(file, encoding=options.encoding, maximum_characters=options.maximum_characters)
        self._current = lines
        nothing = True
        for item in self.documents(file, iter(lines)):
            nothing = False
            yield item
        if nothing:
            reason = "the file holds only white space" if file.size else "the file is empty"
            yield Problem(file.shown, reason, file.size, stops=False)
