"""Finding the files that paths, folders and patterns stand for, with a reason for each one that cannot be read."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from zaoju.contracts import Problem
from zaoju.corpus.packed_names import is_archive, is_wanted
from zaoju.files import hash_file, hash_json

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to read."""

    path: Path
    label: str
    """Its name below the folder that was asked for; the same wherever that folder lies."""

    size: int
    """In bytes."""

    modified: int = 0
    """When it was last written, in nanoseconds; 0 where that is not known."""

    @property
    def shown(self) -> str:
        """Its path, for a person."""
        return printable(self.path)

    def open(self) -> BinaryIO:
        """Its content from the beginning, as often as one asks. Raises `OSError`, then and while it is read."""
        return self.path.open("rb")


def find_files(paths: Iterable[Path], suffixes: Sequence[str], *, packed: bool = False) -> list[SourceFile | Problem]:
    """The files that `paths` stand for, in an order that never changes, and what cannot be read.

    A path is a file, a folder or a pattern with `*`, which may match files and folders. Folders are searched in the
    order of names; links are followed. There, only names that end in one of `suffixes` count, and hidden files and
    folders do not. With `packed` also compressed files and archives count, such as `a.txt.gz` and `a.zip`, which
    `contents` opens. A file that is reached twice is given once.
    """
    wanted = _Wanted(tuple(suffixes), packed)
    found: list[SourceFile | Problem] = []
    seen: set[str] = set()
    for path in paths:
        for item in _expand(path, wanted):
            if isinstance(item, SourceFile):
                identity = os.path.realpath(item.path)
                if identity in seen:
                    continue
                seen.add(identity)
            found.append(item)
    return found


def fingerprint_files(found: Iterable[SourceFile | Problem]) -> str:
    """A hash over the label and the content of every file, and over what could not be read."""
    entries: list[list[str]] = []
    for item in found:
        if isinstance(item, Problem):
            entries.append([item.source, item.reason])
            continue
        try:
            entries.append([item.label, hash_file(item.path)])
        except OSError as error:
            entries.append([item.label, describe(error)])
    return hash_json(entries)


def describe(error: OSError) -> str:
    """An operating system's error, or why a file cannot be unpacked, as a plain reason."""
    if isinstance(error, PermissionError):
        return "no permission to read it"
    return error.strerror.lower() if error.strerror else str(error)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which names count in folders."""

    suffixes: tuple[str, ...]
    packed: bool

    def has(self, name: str) -> bool:
        """Whether this name counts."""
        if self.packed:
            return is_archive(name) or is_wanted(name, self.suffixes)
        return name.lower().endswith(self.suffixes)


def _expand(path: Path, wanted: _Wanted) -> Iterator[SourceFile | Problem]:
    if not os.path.lexists(path) and glob.has_magic(str(path)):
        matches = glob.glob(str(path), recursive=True)  # noqa: PTH207  # the pattern is absolute
        if not matches:
            yield Problem(printable(path), "no file matches this pattern")
        yield from _check_matches(_shortest_ways(matches), wanted)
    elif _is_folder(path):
        yield from _search_folder(path, wanted, asked=True)
    else:
        yield _check(path, path.name)


def _shortest_ways(matches: Iterable[str]) -> list[Path]:
    """In order, without those that are others again: `**` follows a link that leads back forty times."""
    shortest: dict[str, str] = {}
    for match in sorted(matches):
        identity = os.path.realpath(match)
        before = shortest.get(identity)
        if before is None or match.count(os.sep) < before.count(os.sep):
            shortest[identity] = match
    return [Path(match) for match in sorted(shortest.values())]


def _check_matches(matches: Sequence[Path], wanted: _Wanted) -> Iterator[SourceFile | Problem]:
    """A folder that matches is searched, unless the pattern itself goes into it, as `**` does."""
    gone_into = {parent for match in matches for parent in match.parents}
    for match in matches:
        if not _is_folder(match):
            yield _check(match, match.name)
        elif match not in gone_into:
            yield from _search_folder(match, wanted, asked=False)


def _search_folder(folder: Path, wanted: _Wanted, *, asked: bool) -> Iterator[SourceFile | Problem]:
    """The files below `folder`; where there is none, it stops the run only if the folder was `asked` for by name."""
    ignored: Counter[str] = Counter()
    empty = True
    for item in _walk(folder, folder.name, ()):
        if isinstance(item, Problem):
            empty = False
            yield item
            continue
        path, label = item
        if wanted.has(path.name):
            empty = False
            yield _check(path, label)
        else:
            ignored[printable(path.suffix) or "no ending"] += 1
    endings = ", ".join(f"{ending} ({count})" for ending, count in ignored.most_common(8))
    suffixes = ", ".join(wanted.suffixes)
    if empty:
        there = f"it has only other files: {endings}" if ignored else "it has no files"
        yield Problem(printable(folder), f"no file in this folder ends in {suffixes}; {there}", stops=asked)
    elif ignored:
        reason = f"{ignored.total()} files were not read because they do not end in {suffixes}: {endings}"
        yield Problem(printable(folder), reason, stops=False)


def _walk(folder: Path, label: str, above: tuple[tuple[int, int], ...]) -> Iterator[tuple[Path, str] | Problem]:
    """Path and label of all below `folder` that is no folder itself.

    `above` has the device and inode of each folder on the way, to find loops.
    """
    try:
        status = folder.stat()
        identity = (status.st_dev, status.st_ino)
        if identity in above:
            yield Problem(
                printable(folder), f"a link that leads back to a folder above it, {printable(folder.resolve())}"
            )
            return
        names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        yield Problem(printable(folder), describe(error))
        return
    for name in names:
        path = folder / name
        if _is_folder(path):
            yield from _walk(path, f"{label}/{name}", (*above, identity))
        else:
            yield path, f"{label}/{name}"


def _check(path: Path, label: str) -> SourceFile | Problem:
    """The file at `path`, unless it is none. Pipes and devices are never opened: they may never end."""
    try:
        status = path.stat()
    except FileNotFoundError:
        reason = "a link to a file that does not exist" if path.is_symlink() else "no such file"
        return Problem(printable(path), reason)
    except OSError as error:
        return Problem(printable(path), describe(error))
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        return Problem(printable(path), f"not a file but {kind}")
    return SourceFile(path, printable(label), status.st_size, status.st_mtime_ns)


def _is_folder(path: Path) -> bool:
    """False also where a folder above may not be entered; the attempt to read the file tells of it."""
    return os.path.isdir(path)  # noqa: PTH112  # Path.is_dir raises there


def printable(name: str | Path) -> str:
    """A file name may hold bytes that are no text; they must not spoil the corpus or the message."""
    return _SURROGATE.sub("\ufffd", str(name))
