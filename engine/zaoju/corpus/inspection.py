"""Which reader and which options fit the user's files."""

from __future__ import annotations

import codecs
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from zaoju.contracts import Problem
from zaoju.corpus.encodings import suggest_encoding
from zaoju.corpus.json_text import parse_object, text_of
from zaoju.corpus.source_files import SourceFile, describe, find_files
from zaoju.corpus.text_lines import TextLines
from zaoju.errors import CorpusError

_TEXT_SUFFIXES = (".txt",)
_JSON_SUFFIXES = (".jsonl", ".ndjson")
_SAMPLE_BYTES = 1 << 16
_SAMPLE_LINES = 200
_MAXIMUM_CHARACTERS = 10_000_000
_MANY = 20
_SHORT_FILE = 5_000
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]")


@dataclass(frozen=True, slots=True)
class ReaderSuggestion:
    """A reader for some of the files, as plain values to be written into a config."""

    reader: Mapping[str, str | list[str]]
    """Such as `{"name": "jsonl", "paths": ["poems.jsonl"], "fields": ["title", "lines"]}`."""

    files: int
    documents: int
    characters: int
    problems: tuple[Problem, ...] = ()
    """What could not be read, with the reasons that a run would give."""


@dataclass(slots=True)
class _Look:
    """What one file was found to be."""

    file: SourceFile
    options: dict[str, str | list[str]]
    documents: int = 0
    characters: int = 0
    problems: list[Problem] = field(default_factory=list)


def inspect_files(paths: Sequence[Path]) -> list[ReaderSuggestion]:
    """Read every file once and suggest readers, one for each kind of file.

    Text may be parted at blank lines, at line ends or not at all; of JSON lines, the fields with the most Chinese are
    taken, with the title before them. It is a suggestion, for a person to look over.

    Raises `CorpusError` where a path cannot be read, or where there is no file at all.
    """
    suffixes = (*_TEXT_SUFFIXES, ".md", *_JSON_SUFFIXES)
    found = find_files(paths, suffixes)
    unreadable = [item for item in found if isinstance(item, Problem) and item.stops]
    files = [item for item in found if isinstance(item, SourceFile)]
    if unreadable or not files:
        reasons = [f"  {problem.source}: {problem.reason}" for problem in unreadable]
        raise CorpusError("\n".join(["these cannot be read as a corpus:", *reasons, f"Give files in {suffixes}."]))
    looks = [_look_at_json(file) or _look_at_text(file) for file in files]
    _take_short_files_whole(looks)
    groups: dict[str, list[_Look]] = {}
    for look in looks:
        groups.setdefault(json.dumps(look.options), []).append(look)
    return [_suggestion(group, paths, looks) for group in groups.values()]


def _suggestion(group: list[_Look], paths: Sequence[Path], looks: list[_Look]) -> ReaderSuggestion:
    """The reader of all files in `group`; a folder stands for its files where the reader finds just them there."""
    name = group[0].options["name"]
    endings = _JSON_SUFFIXES if name == "jsonl" else _TEXT_SUFFIXES
    # A reader passes over other endings in a folder, such as JSON lines in a .txt file.
    rivals = [
        look.file.path
        for look in looks
        if (look.options == group[0].options) != look.file.path.name.lower().endswith(endings)
    ]
    used: dict[str, None] = {}
    for look in group:
        folder = next((path for path in paths if path in look.file.path.parents), None)
        alone = folder is not None and not any(folder in rival.parents for rival in rivals)
        used[str(folder if alone else look.file.path)] = None
    reader: dict[str, str | list[str]] = {"name": name, "paths": list(used)}
    return ReaderSuggestion(
        reader | group[0].options,
        files=len(group),
        documents=sum(look.documents for look in group),
        characters=sum(look.characters for look in group),
        problems=tuple(problem for look in group for problem in look.problems),
    )


def _look_at_json(file: SourceFile) -> _Look | None:
    """None where the file is not made of JSON objects, one a line."""
    encoding = _encoding_of(file)
    written = filter(str.strip, _good_lines(file, encoding, []))
    try:
        sample = [parse_object(line) for line in islice(written, _SAMPLE_LINES)]
    except ValueError:
        return None
    fields = _text_fields(sample)
    if not fields:
        return None
    look = _Look(file, {"name": "jsonl", "fields": fields, **_unless_utf8(encoding)})
    for line in filter(str.strip, _good_lines(file, encoding, look.problems)):
        try:
            look.characters += len(text_of(parse_object(line), fields))
            look.documents += 1
        except ValueError as error:
            look.problems.append(Problem(file.shown, f"a line {error}"))
    return look


def _text_fields(sample: Iterable[Mapping[str, object]]) -> list[str]:
    """The fields that hold at least half as many hanzi as the richest one, after a title."""
    hanzi: Counter[str] = Counter()
    names: dict[str, None] = {}
    for value in sample:
        for name, content in value.items():
            texts = content if isinstance(content, list) else [content]
            if all(isinstance(text, str) for text in texts):
                names[name] = None
                hanzi[name] += sum(len(_HAN.findall(str(text))) for text in texts)
    if not hanzi:
        return []
    enough = max(1, max(hanzi.values()) / 2)
    title = ["title"] if "title" in names else []
    return title + [name for name in names if hanzi[name] >= enough and name != "title"]


def _look_at_text(file: SourceFile) -> _Look:
    encoding = _encoding_of(file)
    look = _Look(file, {"name": "text"})
    blocks: list[int] = [0]
    lines = 0
    for line in _good_lines(file, encoding, look.problems):
        if line.strip():
            lines += 1
            blocks[-1] += len(line)
        elif blocks[-1]:
            blocks.append(0)
    sizes = [size for size in blocks if size]
    look.characters = sum(sizes)
    if len(sizes) > 1 and max(sizes) <= sum(sizes) / 2:
        mode, look.documents = "blank_line", len(sizes)
    elif lines >= _MANY:
        mode, look.documents = "line", lines
    else:
        mode, look.documents = "file", min(lines, 1)
    look.options |= {"documents": mode} | _unless_utf8(encoding)
    return look


def _take_short_files_whole(looks: list[_Look]) -> None:
    """Many short text files are most likely one document each, whatever blank lines they have."""
    texts = [look for look in looks if look.options["name"] == "text"]
    if len(texts) >= _MANY and sum(look.characters for look in texts) <= _SHORT_FILE * len(texts):
        for look in texts:
            look.options["documents"] = "file"
            look.documents = min(look.documents, 1)


def _encoding_of(file: SourceFile) -> str:
    """UTF-8 unless the beginning of the file is not; then whatever it looks like. Raises `CorpusError`."""
    try:
        with file.open() as source:
            sample = source.read(_SAMPLE_BYTES)
    except OSError as error:
        raise CorpusError(f"{file.shown} cannot be read as a corpus: {describe(error)}") from error
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError as error:
        damaged = not sample[: error.start].isascii()
        return "utf-8" if damaged else suggest_encoding(sample[error.start :], error.start) or "utf-8"
    return (suggest_encoding(sample) or "utf-8") if b"\0" in sample else "utf-8"


def _unless_utf8(encoding: str) -> dict[str, str | list[str]]:
    return {} if encoding == "utf-8" else {"encoding": encoding}


def _good_lines(file: SourceFile, encoding: str, problems: list[Problem]) -> Iterator[str]:
    """The text of every line that can be read; the rest goes to `problems`."""
    for line in TextLines(file, encoding=encoding, maximum_characters=_MAXIMUM_CHARACTERS):
        if isinstance(line, Problem):
            problems.append(line)
        elif line.text is None:
            problems.append(Problem(f"{file.shown} line {line.number}", "too long a line", line.bytes))
        else:
            yield line.text
