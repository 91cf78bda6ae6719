"""What the readers of files share: finding them, reading their lines, and saying what could not be read."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

from zaoju.contracts import Document, Part, PartedReader, Problem
from zaoju.corpus import Line, SourceFile, TextLines, find_files, fingerprint_files
from zaoju_builtin.readers.options import FileOptions

FileOptionsT = TypeVar("FileOptionsT", bound=FileOptions)


class FileReader(PartedReader[FileOptionsT]):
    """A reader of text files, each a part. A subclass says which names it reads in folders, and what documents are."""

    @abstractmethod
    def suffixes(self) -> Sequence[str]:
        """Which names to read in folders."""

    @abstractmethod
    def documents(self, file: SourceFile, lines: Iterator[Line | Problem]) -> Iterator[Document | Problem]:
        """The documents in the lines of one file. Problems among the lines are passed on."""

    def parts(self) -> list[Part]:
        """A part for each file, and for each thing that is none."""
        return [
            Part(item.source, 0, asdict(item))
            if isinstance(item, Problem)
            else Part(item.label, item.size, {"path": str(item.path)})
            for item in self._found
        ]

    def read_part(self, part: Part) -> Iterator[Document | Problem]:
        """Every document of a file."""
        place = part.place
        if "path" not in place:
            yield Problem(**cast("dict[str, Any]", place))
            return
        file = SourceFile(Path(str(place["path"])), part.label, part.size or 0)
        options = self.options
        lines = TextLines(file, encoding=options.encoding, maximum_characters=options.maximum_characters)
        nothing = True
        for item in self.documents(file, iter(lines)):
            nothing = False
            yield item
        if nothing:
            reason = "the file holds only white space" if file.size else "the file is empty"
            yield Problem(file.shown, reason, file.size, stops=False)

    def fingerprint(self) -> str:
        """A hash of all files and what could not be read."""
        return fingerprint_files(self._found)

    def files(self) -> list[Path]:
        """The files that are read."""
        return [item.path for item in self._found if isinstance(item, SourceFile)]

    @cached_property
    def _found(self) -> list[SourceFile | Problem]:
        """What is there to read. A process that only reads parts never looks."""
        return find_files(self.options.paths, self.suffixes())
