"""What the readers of files share: finding them, reading their lines, and saying what could not be read."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

from zaoju.contracts import Document, Part, PartedReader, Problem
from zaoju.corpus import SourceFile, Span, TextLines, contents, describe, find_files, fingerprint_files, is_packed
from zaoju_builtin.readers.options import FileOptions

FileOptionsT = TypeVar("FileOptionsT", bound=FileOptions)


class FileReader(PartedReader[FileOptionsT]):
    """A reader of files. A subclass says which names it reads in folders, and what documents are.

    A file is a part, or several where the subclass can read spans of it. Compressed files and archives are opened
    here; a subclass sees the files in them as any others.
    """

    @abstractmethod
    def suffixes(self) -> Sequence[str]:
        """Which names to read in folders."""

    def spans(self, file: SourceFile) -> list[Span]:
        """The pieces in which `documents` can read a file: the whole, unless a subclass says more."""
        del file  # whatever it is
        return [Span()]

    @abstractmethod
    def documents(self, file: SourceFile, lines: TextLines) -> Iterator[Document | Problem]:
        """The documents in the lines of one file. Problems among the lines are passed on."""

    def parts(self) -> list[Part]:
        """The parts of each file, and one for each thing that is none."""
        return self._parts

    def read_part(self, part: Part) -> Iterator[Document | Problem]:
        """Every document of a file."""
        place = part.place
        if "path" not in place:
            yield Problem(**cast("dict[str, Any]", place))
            return
        start, size, line = (int(place[name] or 0) for name in ("start", "size", "line"))
        end = None if place["end"] is None else int(place["end"])
        file = SourceFile(Path(str(place["path"])), part.label, size, int(place["modified"] or 0))
        for item in contents(file, self.suffixes(), self.options.maximum_expansion):
            if isinstance(item, Problem):
                yield item
            else:
                yield from self._documents_of(item, Span(start, end, line))
        yield from _changed(file)

    def fingerprint(self) -> str:
        """A hash of all files and what could not be read."""
        return fingerprint_files(self._found)

    def files(self) -> list[Path]:
        """The files that are read."""
        return [item.path for item in self._found if isinstance(item, SourceFile)]

    @cached_property
    def _parts(self) -> list[Part]:
        return [part for item in self._found for part in self._parts_of(item)]

    def _parts_of(self, item: SourceFile | Problem) -> Iterator[Part]:
        if isinstance(item, Problem):
            yield Part(item.source, 0, asdict(item))
            return
        for span in [Span()] if is_packed(item.path.name) else self.spans(item):
            size = (item.size if span.end is None else span.end) - span.start
            place: dict[str, str | int | None] = {"path": str(item.path), "size": item.size}
            place |= {"modified": item.modified, "start": span.start, "end": span.end, "line": span.line}
            yield Part(item.label, size, place)

    @cached_property
    def _found(self) -> list[SourceFile | Problem]:
        """What is there to read. A process that only reads parts never looks."""
        return find_files(self.options.paths, self.suffixes(), packed=True)

    def _documents_of(self, file: SourceFile, span: Span) -> Iterator[Document | Problem]:
        options = self.options
        lines = TextLines(file, encoding=options.encoding, maximum_characters=options.maximum_characters, span=span)
        nothing = True
        for item in self.documents(file, lines):
            nothing = False
            # How much is left of a packed file cannot be told from how much of it was unpacked.
            yield replace(item, bytes=max(0, item.bytes)) if isinstance(item, Problem) else item
        if nothing and span.start == 0 and span.end is None:
            reason = "the file holds only white space" if file.size else "the file is empty"
            yield Problem(file.shown, reason, file.size, stops=False)


def _changed(file: SourceFile) -> Iterator[Problem]:
    """The corpus is kept under the hash of the files, so they must be what they were."""
    try:
        status = file.path.stat()
    except OSError as error:
        yield Problem(file.shown, f"it is gone since the run began ({describe(error)}): run again", file.size)
        return
    if (status.st_size, status.st_mtime_ns) != (file.size, file.modified):
        now = f"{file.size:,} bytes, then {status.st_size:,}" if status.st_size != file.size else "written to"
        yield Problem(file.shown, f"it changed while it was read ({now}): run again when it is whole", file.size)
