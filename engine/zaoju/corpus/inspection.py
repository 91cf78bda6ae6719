"""Which reader and which options fit the user's files."""

from __future__ import annotations

import glob
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zaoju.contracts import Problem
from zaoju.corpus.file_looks import SUFFIXES, Look, Value, look_at
from zaoju.corpus.opening import contents
from zaoju.corpus.source_files import SourceFile, describe, find_files, printable
from zaoju.errors import CorpusError

_MANY = 20
_SHORT_FILE = 5_000
_EXPANSION = 200
"""As the readers' `maximum_expansion` is."""


@dataclass(frozen=True, slots=True)
class ReaderSuggestion:
    """A reader for some of the files, as plain values to be written into a config."""

    reader: Mapping[str, Value]
    """Such as `{"name": "jsonl", "paths": ["poems.jsonl"], "fields": ["title", "lines"]}`."""

    files: int
    documents: int | None
    """None where only the reader itself can count them."""

    characters: int | None
    problems: tuple[Problem, ...] = ()
    """What could not be read, with the reasons that a run would give."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the user's files are."""

    readers: tuple[ReaderSuggestion, ...]
    """One for each kind of file."""

    problems: tuple[Problem, ...]
    """What no reader is suggested for, with the reasons."""


def inspect_files(paths: Sequence[Path]) -> Inspection:
    """Look at every file and suggest readers, one for each kind of file, packed or not.

    Text may be parted at blank lines, at line ends or not at all; of JSON and tables, the fields or columns with the
    most Chinese are taken, with the title before them. It is a suggestion, for a person to look over.

    Raises `CorpusError` where one of the `paths` themselves cannot be read, or where there is nothing to read.
    """
    suffixes = tuple(suffix for endings in SUFFIXES.values() for suffix in endings)
    looks: list[Look] = []
    problems: list[Problem] = []
    for found in find_files(paths, suffixes, packed=True):
        for item in [found] if isinstance(found, Problem) else _looks_at(found, suffixes):
            if isinstance(item, Problem):
                problems.append(item)
            else:
                looks.append(item)
    if not looks:
        advice = f"Give files in {', '.join(suffixes)}, packed or not, or folders of them."
        raise CorpusError("\n".join(["there is nothing that can be read as a corpus:", *_lines(problems), advice]))
    asked_for = {printable(path) for path in paths}
    if refused := [problem for problem in problems if problem.stops and problem.source in asked_for]:
        raise CorpusError("\n".join(["these cannot be read as a corpus:", *_lines(refused)]))
    _take_short_files_whole(looks)
    groups: dict[str, list[Look]] = {}
    for look in looks:
        groups.setdefault(_kind(look), []).append(look)
    places = _Places(paths, looks)
    return Inspection(tuple(_suggestion(group, places) for group in groups.values()), tuple(problems))


def _kind(look: Look) -> str:
    """The same for all files that one reader can read together."""
    return json.dumps(look.options)


def _lines(problems: Sequence[Problem]) -> list[str]:
    return [f"  {problem.source}: {problem.reason}" for problem in problems]


def _looks_at(file: SourceFile, suffixes: Sequence[str]) -> Iterator[Look | Problem]:
    """What a file is, or each kind of members that an archive has; or why it cannot be read."""
    try:
        file.open().close()
    except OSError as error:
        yield Problem(file.shown, describe(error))
        return
    members: dict[str, list[Look]] = {}
    problems: list[Problem] = []
    for item in contents(file, suffixes, _EXPANSION):
        if isinstance(item, Problem):
            problems.append(item)
        else:
            look = look_at(item)
            members.setdefault(str(look.options["name"]), []).append(look)
    yield from problems
    for looks in members.values():
        # A reader reads an archive whole, so its members must have the options of one of them: the largest.
        largest = max(looks, key=lambda look: look.file.size)
        for look in looks:
            if look.options != largest.options:
                look.options, look.documents, look.characters = largest.options, None, None
        yield from looks


def _suggestion(group: list[Look], places: _Places) -> ReaderSuggestion:
    """The reader of all files in `group`."""
    documents = [look.documents for look in group]
    characters = [look.characters for look in group]
    return ReaderSuggestion(
        {"name": group[0].options["name"], "paths": list(dict.fromkeys(map(places.of, group))), **group[0].options},
        files=len(group),
        documents=None if None in documents else sum(count or 0 for count in documents),
        characters=None if None in characters else sum(count or 0 for count in characters),
        problems=tuple(problem for look in group for problem in look.problems),
    )


class _Places:
    """How the config names a file: by its folder where all there is of one kind, by a pattern where all files of that
    ending are, else by itself."""

    def __init__(self, paths: Sequence[Path], looks: Sequence[Look]) -> None:
        self._paths = paths
        self._kinds: dict[Path, set[str]] = {}
        self._kinds_by_ending: dict[tuple[Path, str], set[str]] = {}
        for look in looks:
            folder = self._folder(look)
            if folder is not None:
                # A reader passes over other endings in a folder, such as JSON lines in a .txt file.
                is_found = look.name.lower().endswith(SUFFIXES[str(look.options["name"])])
                self._kinds.setdefault(folder, set()).add(_kind(look) if is_found else look.file.shown)
                self._kinds_by_ending.setdefault((folder, _ending(look)), set()).add(_kind(look))

    def of(self, look: Look) -> str:
        """What stands in the config for a file, and for others of its kind."""
        folder, ending = self._folder(look), _ending(look)
        if folder is None:
            return str(look.file.path)
        if self._kinds[folder] == {_kind(look)}:
            return str(folder)
        if look.is_in_archive or not ending or len(self._kinds_by_ending[folder, ending]) > 1:
            return str(look.file.path)
        return f"{glob.escape(str(folder))}/**/*{ending}"

    def _folder(self, look: Look) -> Path | None:
        above = look.file.path.parents
        return next((path for path in self._paths if path in above), None)


def _ending(look: Look) -> str:
    """Such as `.jsonl.gz`."""
    name = look.file.path.name
    return name if look.is_in_archive else name[len(Path(look.name).stem) :]


def _take_short_files_whole(looks: list[Look]) -> None:
    """Many short text files are most likely one document each, whatever blank lines they have."""
    texts = [look for look in looks if look.options["name"] == "text"]
    if len(texts) >= _MANY and sum(look.characters or 0 for look in texts) <= _SHORT_FILE * len(texts):
        for look in texts:
            look.options = {**look.options, "documents": "file"}
            look.documents = None if look.documents is None else min(look.documents, 1)
