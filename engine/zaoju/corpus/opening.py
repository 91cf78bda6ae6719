"""What a file on disk holds: itself, unpacked where its name says so, or the members of an archive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import BinaryIO

from zaoju.contracts import Problem
from zaoju.corpus.archives import Member, tar_members, zip_members
from zaoju.corpus.compression import Allowance, open_compressed
from zaoju.corpus.packed_names import is_archive, is_wanted, split_compression
from zaoju.corpus.source_files import SourceFile, describe, printable


@dataclass(frozen=True, slots=True)
class UnpackedFile(SourceFile):
    """A file whose content lies packed in another. `path` is the file on disk, `label` and `shown` name it whole."""

    opener: Callable[[], BinaryIO] = field(kw_only=True)
    inside: str = ""
    """Its name in the archive; empty for a compressed file."""

    @property
    def shown(self) -> str:
        """The path of the file on disk, and the name inside, for a person."""
        return printable(f"{self.path}!/{self.inside}" if self.inside else self.path)

    def open(self) -> BinaryIO:
        """Its content from the beginning. A member of an archive is open only until the next one is asked for."""
        return self.opener()


def contents(file: SourceFile, suffixes: Sequence[str], expansion: int) -> Iterator[SourceFile | Problem]:
    """The files to read in one file on disk, each to be read before the next is asked for, and what cannot be read.

    They are just that one, unpacked where it is compressed; or, of an archive, the members that end in one of
    `suffixes`. The file may unpack to `expansion` times its size.
    """
    name, compression = split_compression(file.path.name)
    if is_archive(name):
        yield from _Archive(file, suffixes, expansion).files()
    elif compression is not None:
        yield UnpackedFile(file.path, file.label, file.size, opener=lambda: _open(file, expansion))
    else:
        yield file


def _open(file: SourceFile, expansion: int) -> BinaryIO:
    _, compression = split_compression(file.path.name)
    source = file.open()
    return source if compression is None else open_compressed(source, compression, Allowance(file.size, expansion))


class _Archive:
    """One archive, while its members are gone through."""

    def __init__(self, file: SourceFile, suffixes: Sequence[str], expansion: int) -> None:
        self._file = file
        self._suffixes = suffixes
        self._expansion = expansion
        self._ignored: Counter[str] = Counter()
        self._found_one = False

    def files(self) -> Iterator[SourceFile | Problem]:
        """The members to read, and at last what was not read. Hidden ones are passed over, as in folders."""
        file = self._file
        members = zip_members if split_compression(file.path.name)[0].lower().endswith(".zip") else tar_members
        try:
            with _open(file, self._expansion) as source:
                for member in members(source, self._allowance()):
                    if not any(part.startswith((".", "__MACOSX")) for part in member.name.split("/")):
                        yield from self._member(member)
        except OSError as error:
            yield Problem(file.shown, describe(error))
        else:
            yield from self._notice()

    def _allowance(self) -> Allowance:
        return Allowance(self._file.size, self._expansion)

    def _member(self, member: Member) -> Iterator[SourceFile | Problem]:
        shown = printable(f"{self._file.path}!/{member.name}")
        if is_archive(member.name):
            self._found_one = True
            yield Problem(shown, "an archive in an archive: unpack the outer one yourself", member.size)
        elif not is_wanted(member.name, self._suffixes):
            self._ignored[printable(PurePosixPath(member.name).suffix) or "no ending"] += 1
        elif member.refused is not None:
            self._found_one = True
            yield Problem(shown, member.refused, member.size)
        else:
            self._found_one = True
            label = printable(f"{self._file.label}!/{member.name}")
            yield UnpackedFile(
                self._file.path, label, member.size, opener=self._opener(member), inside=printable(member.name)
            )

    def _opener(self, member: Member) -> Callable[[], BinaryIO]:
        _, compression = split_compression(member.name)

        def opened() -> BinaryIO:
            source = member.open()
            return source if compression is None else open_compressed(source, compression, self._allowance())

        return opened

    def _notice(self) -> Iterator[Problem]:
        wanted, ignored = ", ".join(self._suffixes), self._ignored
        endings = ", ".join(f"{ending} ({count})" for ending, count in ignored.most_common(8))
        if not self._found_one:
            there = f"it has only other files: {endings}" if ignored else "it has no files"
            yield Problem(self._file.shown, f"no file in this archive ends in {wanted}; {there}", stops=False)
        elif ignored:
            reason = f"{ignored.total()} files in it were not read because they do not end in {wanted}: {endings}"
            yield Problem(self._file.shown, reason, stops=False)
