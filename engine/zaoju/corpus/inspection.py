"""Which reader and which options fit the user's files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zaoju.contracts import Problem
from zaoju.corpus.file_looks import SUFFIXES, Look, Value, look_at
from zaoju.corpus.opening import contents
from zaoju.corpus.source_files import SourceFile, describe, find_files
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


def inspect_files(paths: Sequence[Path]) -> list[ReaderSuggestion]:
    """Look at every file and suggest readers, one for each kind of file, packed or not.

    Text may be parted at blank lines, at line ends or not at all; of JSON and tables, the fields or columns with the
    most Chinese are taken, with the title before them. It is a suggestion, for a person to look over.

    Raises `CorpusError` where a path cannot be read, or where there is no file at all.
    """
    suffixes = tuple(suffix for endings in SUFFIXES.values() for suffix in endings)
    found = find_files(paths, suffixes, packed=True)
    unreadable = [item for item in found if isinstance(item, Problem) and item.stops]
    files = [item for item in found if isinstance(item, SourceFile)]
    if unreadable or not files:
        reasons = [f"  {problem.source}: {problem.reason}" for problem in unreadable]
        raise CorpusError("\n".join(["these cannot be read as a corpus:", *reasons, f"Give files in {suffixes}."]))
    looks = [look for file in files for look in _looks_at(file, suffixes)]
    _take_short_files_whole(looks)
    groups: dict[str, list[Look]] = {}
    for look in looks:
        groups.setdefault(json.dumps(look.options), []).append(look)
    return [_suggestion(group, paths, looks) for group in groups.values()]


def _looks_at(file: SourceFile, suffixes: Sequence[str]) -> Iterator[Look]:
    """What a file is, or each kind of members that an archive has. Raises `CorpusError` where it cannot be read."""
    try:
        file.open().close()
    except OSError as error:
        raise CorpusError(f"{file.shown} cannot be read as a corpus: {describe(error)}") from error
    members: dict[str, list[Look]] = {}
    problems: list[Problem] = []
    for item in contents(file, suffixes, _EXPANSION):
        if isinstance(item, Problem):
            problems.append(item)
        else:
            look = look_at(item)
            members.setdefault(str(look.options["name"]), []).append(look)
    if not members:
        reasons = [f"{problem.source}: {problem.reason}" for problem in problems]
        raise CorpusError("\n".join([f"{file.shown} cannot be read as a corpus", *reasons]))
    for looks in members.values():
        # A reader reads an archive whole, so its members must have the options of one of them: the largest.
        largest = max(looks, key=lambda look: look.file.size)
        for look in looks:
            if look.options != largest.options:
                look.options, look.documents, look.characters = largest.options, None, None
        looks[0].problems += problems
        problems = []
        yield from looks


def _suggestion(group: list[Look], paths: Sequence[Path], looks: list[Look]) -> ReaderSuggestion:
    """The reader of all files in `group`; a folder stands for its files where the reader finds just them there."""
    endings = SUFFIXES[str(group[0].options["name"])]
    # A reader passes over other endings in a folder, such as JSON lines in a .txt file.
    rivals = [
        look.file.path for look in looks if (look.options == group[0].options) != look.name.lower().endswith(endings)
    ]
    used: dict[str, None] = {}
    for look in group:
        folder = next((path for path in paths if path in look.file.path.parents), None)
        alone = folder is not None and not any(folder in rival.parents for rival in rivals)
        used[str(folder if alone else look.file.path)] = None
    documents = [look.documents for look in group]
    characters = [look.characters for look in group]
    return ReaderSuggestion(
        {"name": group[0].options["name"], "paths": list(used), **group[0].options},
        files=len(group),
        documents=None if None in documents else sum(count or 0 for count in documents),
        characters=None if None in characters else sum(count or 0 for count in characters),
        problems=tuple(problem for look in group for problem in look.problems),
    )


def _take_short_files_whole(looks: list[Look]) -> None:
    """Many short text files are most likely one document each, whatever blank lines they have."""
    texts = [look for look in looks if look.options["name"] == "text"]
    if len(texts) >= _MANY and sum(look.characters or 0 for look in texts) <= _SHORT_FILE * len(texts):
        for look in texts:
            look.options = {**look.options, "documents": "file"}
            look.documents = None if look.documents is None else min(look.documents, 1)
