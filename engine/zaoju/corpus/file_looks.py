"""What a file is by its name and its beginning: which reader, with which options."""

from __future__ import annotations

import csv
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from typing import TypeAlias

from zaoju.contracts import Problem
from zaoju.corpus.conversations import find_conversations
from zaoju.corpus.json_beginning import first_objects
from zaoju.corpus.json_text import parse_object, text_of
from zaoju.corpus.opening import UnpackedFile
from zaoju.corpus.packed_names import split_compression
from zaoju.corpus.source_files import SourceFile, describe
from zaoju.corpus.text_lines import AUTOMATIC, TextLines
from zaoju.errors import CorpusError

Value: TypeAlias = str | bool | list[str]

SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "text": (".txt",),
    "jsonl": (".jsonl", ".ndjson"),
    "csv": (".csv", ".tsv"),
    "json": (".json",),
    "html": (".html", ".htm", ".xhtml"),
    "markdown": (".md", ".markdown"),
    "parquet": (".parquet",),
}
"""Which names each builtin reader reads in folders."""

_SAMPLE_LINES = 200
_SAMPLE_CHARACTERS = 1 << 18
_MAXIMUM_CHARACTERS = 10_000_000
_MANY = 20
_LONGEST_NAME = 40
"""Characters; what is longer is no name of a column."""

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]")


@dataclass(slots=True)
class Look:
    """What one file was found to be."""

    file: SourceFile
    options: dict[str, Value]
    """With the reader as `name`."""

    documents: int | None = None
    """None where only the reader can tell."""

    characters: int | None = None
    problems: list[Problem] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The file's name, or that of the member of an archive, without a compression."""
        inside = self.file.inside if isinstance(self.file, UnpackedFile) else ""
        return split_compression(inside or self.file.path.name)[0]

    @property
    def is_in_archive(self) -> bool:
        """Whether it is a member of an archive."""
        return isinstance(self.file, UnpackedFile) and bool(self.file.inside)


def look_at(file: SourceFile) -> Look:
    """Which reader, with which options. A file with an unknown ending may be JSON lines, and is text otherwise."""
    look = Look(file, {})
    kind = next((kind for kind, endings in SUFFIXES.items() if look.name.lower().endswith(endings)), "text")
    if kind == "csv":
        return _look_at_table(look)
    if kind == "json":
        return _look_at_list(look)
    if kind == "parquet":
        return _look_at_parquet(look)
    if kind in ("html", "markdown"):
        look.options = {"name": kind}
        return look
    if look.is_in_archive and kind == "text":  # the reader of JSON lines would not find it there
        return _look_at_text(look)
    if kind == "jsonl":
        return _look_at_json_lines(look, [value for value in _first_lines(file) if value is not None])
    return _as_json_lines(look) or _look_at_text(look)


def _as_json_lines(look: Look) -> Look | None:
    """None where the file is not made of JSON objects with text, one a line."""
    sample: list[Mapping[str, object]] = []
    for value in _first_lines(look.file):
        if value is None:
            return None
        sample.append(value)
    return _look_at_json_lines(look, sample) if find_conversations(sample) or _text_fields(sample) else None


def _first_lines(file: SourceFile) -> Iterator[Mapping[str, object] | None]:
    """The objects of the first lines; None for a line that is none."""
    for line in islice(filter(str.strip, _good_lines(file, [])), _SAMPLE_LINES):
        try:
            yield parse_object(line)
        except ValueError:
            yield None


def _look_at_json_lines(look: Look, sample: Sequence[Mapping[str, object]]) -> Look:
    if conversations := find_conversations(sample):
        # Only the reader counts them; it looks closer.
        look.options = {"name": "jsonl", **conversations}
        return look
    fields = _text_fields(sample)
    look.options = {"name": "jsonl", "fields": fields}
    if not fields:
        return _with_columns(look, "fields")
    look.documents = look.characters = 0
    for line in filter(str.strip, _good_lines(look.file, look.problems)):
        try:
            look.characters += len(text_of(parse_object(line), fields))
            look.documents += 1
        except ValueError as error:
            look.problems.append(Problem(look.file.shown, f"a line {error}"))
    return look


def _look_at_text(look: Look) -> Look:
    blocks: list[int] = [0]
    lines = 0
    for line in _good_lines(look.file, look.problems):
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
    look.options = {"name": "text", "documents": mode}
    return look


def _look_at_table(look: Look) -> Look:
    """The delimiter is what the first line has most of; it is a header where all of it could be names."""
    lines = list(islice(_good_lines(look.file, []), _SAMPLE_LINES))
    first = lines[0] if lines else ""
    delimiter = max(",\t;|", key=first.count)
    try:
        rows = [row for row in csv.reader((f"{line}\n" for line in lines), delimiter=delimiter) if row]
    except csv.Error:  # such as a quote that is never closed; the reader will say where
        rows = []
    names = rows[0] if rows else []
    header = len(set(names)) == len(names) and all(map(_could_be_a_name, names))
    if not header:
        names = [str(number) for number in range(1, len(names) + 1)]
    sample = [dict(zip_longest(names, row[: len(names)], fillvalue="")) for row in rows[header:]]
    look.options = {"name": "csv", "columns": _text_fields(sample)}
    look.options |= {} if header else {"header": False}
    look.options |= {} if delimiter == "," else {"delimiter": delimiter}
    return _with_columns(look, "columns")


def _look_at_list(look: Look) -> Look:
    """A list of objects somewhere in JSON; or JSON lines in a file that bears the name of JSON."""
    text = ""
    for block in TextLines(look.file, encoding=AUTOMATIC, maximum_characters=_MAXIMUM_CHARACTERS).blocks():
        text += block if isinstance(block, str) else ""
        if len(text) >= _SAMPLE_CHARACTERS:
            break
    path, sample = first_objects(text)
    conversations = find_conversations(sample)
    fields = _text_fields(sample)
    if not fields and not conversations and (as_lines := _as_json_lines(look)) is not None:
        return as_lines
    look.options = {"name": "json", "path": ".".join(path)} if path else {"name": "json"}
    if conversations:
        look.options |= conversations
        return look
    look.options["fields"] = fields
    return _with_columns(look, "fields")


def _look_at_parquet(look: Look) -> Look:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise CorpusError(f"{look.file.shown}: Parquet files need pip install 'zaoju[parquet]'") from error
    sample: list[dict[str, object]] = []
    try:
        with look.file.open() as source, tempfile.TemporaryFile() as aside:
            if isinstance(look.file, UnpackedFile):  # Parquet is read from its end
                shutil.copyfileobj(source, aside)
                aside.seek(0)
            table = pq.ParquetFile(aside if isinstance(look.file, UnpackedFile) else source, pre_buffer=False)
            for batch in table.iter_batches(batch_size=_SAMPLE_LINES, use_threads=False):
                sample = batch.to_pylist()
                break
    except pa.ArrowException as error:
        look.problems.append(Problem(look.file.shown, f"is no whole Parquet file: {str(error).splitlines()[0]}"))
    except OSError as error:
        look.problems.append(Problem(look.file.shown, describe(error).splitlines()[0]))
    look.options = {"name": "parquet", "columns": _text_fields(sample)}
    return _with_columns(look, "columns")


def _with_columns(look: Look, option: str) -> Look:
    """Where no text was found, say so; the reader's default then stands."""
    if not look.options[option]:
        del look.options[option]
        look.problems.append(Problem(look.file.shown, f"no Chinese text was found in it: set `{option}:` yourself"))
    return look


def _could_be_a_name(cell: str) -> bool:
    text = cell.strip()
    return 0 < len(text) <= _LONGEST_NAME and not text[0].isdigit() and not re.search("[，。！？；：、\n]", text)


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


def _good_lines(file: SourceFile, problems: list[Problem]) -> Iterator[str]:
    """The text of every line that can be read; the rest goes to `problems`."""
    for line in TextLines(file, encoding=AUTOMATIC, maximum_characters=_MAXIMUM_CHARACTERS):
        if isinstance(line, Problem):
            problems.append(line)
        elif line.text is None:
            problems.append(Problem(f"{file.shown} line {line.number}", "too long a line", line.bytes))
        else:
            yield line.text
