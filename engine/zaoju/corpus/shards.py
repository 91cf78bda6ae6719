"""The first half of preparing a corpus: it is read and cleaned in shards, each by itself, wherever that is.

A shard leaves a folder: its cleaned documents, an index with a row for each of them, and its account. The folder
appears whole, so whoever finds one need not make it again.
"""

from __future__ import annotations

import json
import shutil
import struct
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zaoju.config import NearDuplicates
from zaoju.contracts import Cleaner, Document, Options, Part, Problem, Reader
from zaoju.corpus.documents import document_line
from zaoju.corpus.held_out import text_digest
from zaoju.corpus.report import SourceAccount
from zaoju.corpus.sketches import Sketcher, Sketches
from zaoju.corpus.source_files import printable
from zaoju.corpus.tally import CountingCleaner, Tally
from zaoju.files import sync_tree
from zaoju.plugins import ResolvedComponent

SHARD_BYTES = 4 << 20
"""Parts are put together until a shard has about this size; larger parts stay alone."""

_SHARD_PARTS = 1024

SMALL_BYTES = 4 << 20
"""Starting processes takes longer than reading so many bytes."""

DOCUMENTS, INDEX, CHANGES, ACCOUNT = "documents.jsonl", "index.bin", "changes.bin", "account.json"
SKETCHES = "sketches.bin"

_CHANGE = struct.Struct("<III")

Watch = Callable[[int], None]
"""Is told of each thing that was read, with about how many bytes it had; may raise to stop."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Some parts of the source, one after the other."""

    number: int
    parts: tuple[tuple[int, Part], ...]
    """Each with the place of its reader."""

    @property
    def size(self) -> int | None:
        """How many bytes there are to read; None where that is not known."""
        sizes = [part.size for _, part in self.parts]
        return None if None in sizes else sum(size or 0 for size in sizes)

    @property
    def name(self) -> str:
        """The name of its folder."""
        return f"{self.number:06}"


@dataclass(frozen=True, slots=True)
class Makers:
    """What makes shards: the readers and the cleaners, built."""

    readers: Sequence[Reader[Options]]
    cleaners: Sequence[tuple[str, Cleaner[Options]]]
    sketcher: Sketcher | None = None
    """Where near duplicates are looked for."""


@dataclass(frozen=True)
class ShardTask:
    """Makes shards in whatever process it is sent to, where it builds its readers and cleaners once."""

    readers: tuple[ResolvedComponent, ...]
    cleaners: tuple[ResolvedComponent, ...]
    near_duplicates: NearDuplicates | None
    work: Path

    def __call__(self, shard: Shard) -> None:
        """Make a shard in the folder `work`."""
        make_shard(self._makers, shard, self.work, lambda _: None)

    @cached_property
    def _makers(self) -> Makers:
        cleaners = [(component.name, component.build(Cleaner)) for component in self.cleaners]
        sketcher = None if self.near_duplicates is None else Sketcher(self.near_duplicates)
        return Makers([component.build(Reader) for component in self.readers], cleaners, sketcher)


def plan_shards(readers: Sequence[Reader[Options]]) -> list[Shard]:
    """The shards of a source, which follow from its parts alone, never from who will make them."""
    shards: list[Shard] = []
    waiting: list[tuple[int, Part]] = []
    size = 0
    for place, reader in enumerate(readers):
        for part in reader.parts():
            full = part.size is None or size + part.size > SHARD_BYTES or len(waiting) >= _SHARD_PARTS
            if waiting and full:
                shards.append(Shard(len(shards), tuple(waiting)))
                waiting, size = [], 0
            waiting.append((place, part))
            size += SHARD_BYTES if part.size is None else part.size
    return [*shards, Shard(len(shards), tuple(waiting))] if waiting else shards


def are_small(shards: Sequence[Shard]) -> bool:
    """Whether it is not worth while to start processes for these shards."""
    sizes = [shard.size for shard in shards]
    return len(shards) <= 1 or (None not in sizes and sum(size or 0 for size in sizes) <= SMALL_BYTES)


def make_shard(makers: Makers, shard: Shard, work: Path, watch: Watch) -> None:
    """Read and clean a shard into a folder of its name in `work`, unless it is there.

    Two processes may make the same shard at once, as on a cluster that has lost sight of one: the first one's stays,
    and they are equal. Raises what readers, cleaners and `watch` raise, and `OSError` where nothing can be written.
    """
    done = work / shard.name
    if done.exists():
        return
    partial = work / f".{shard.name}.{uuid.uuid4().hex}.partial"
    partial.mkdir(parents=True)
    try:
        _write_shard(makers, shard, partial, watch)
        sync_tree(partial)
        try:
            partial.rename(done)
        except OSError:
            if not done.exists():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write_shard(makers: Makers, shard: Shard, folder: Path, watch: Watch) -> None:
    cleaner = CountingCleaner(makers.cleaners)
    sources: list[SourceAccount] = []
    named: list[int] = []
    rules: dict[str, int] = {}
    rows = 0
    pack = struct.Struct(_row_format(len(makers.cleaners))).pack
    with (
        (folder / DOCUMENTS).open("wb") as documents,
        (folder / INDEX).open("wb") as index,
        (folder / CHANGES).open("wb") as changed,
        (folder / SKETCHES).open("wb") as sketches,
    ):
        for place, part in shard.parts:
            if not sources or (named[-1], sources[-1].source) != (place, part.label):
                named.append(place)
                sources.append(SourceAccount(part.label))
            source = sources[-1]
            for item in map(with_whole_characters, makers.readers[place].read_part(part)):
                if isinstance(item, Problem):
                    watch(item.bytes)
                    cleaner.problem(item, source)
                    continue
                cleaned = cleaner.clean(item, source)
                if cleaned is None:
                    watch(3 * len(item.text))
                    continue
                document, removed, changes = cleaned
                text = document.text
                line = document_line(document).encode("utf-8")
                watch(len(line))
                documents.write(line)
                row = (len(item.text), len(text), len(line), len(sources) - 1, *removed)
                digest = text_digest(text)
                index.write(digest + pack(*row))
                if makers.sketcher is not None:
                    sketches.write(makers.sketcher.sketch(text, digest))
                for rule, times in changes.items():
                    changed.write(_CHANGE.pack(rows, rules.setdefault(rule, len(rules)), times))
                rows += 1
    account = {
        "sources": [{"reader": place, **asdict(source)} for place, source in zip(named, sources, strict=True)],
        "rules": list(rules),
        "tally": cleaner.tally.to_json(),
    }
    (folder / ACCOUNT).write_text(json.dumps(account, ensure_ascii=False), "utf-8")


def _row_format(cleaners: int) -> str:
    return f"<IIII{cleaners}i"


def _row_type(cleaners: int) -> np.dtype[Any]:
    fields: list[Any] = [("high", ">u8"), ("low", ">u8")]
    fields += [(name, "<u4") for name in ("read", "length", "bytes", "source")]
    return np.dtype([*fields, ("removed", "<i4", (cleaners,))])


@dataclass(frozen=True, slots=True)
class FinishedShard:
    """A shard that has been made."""

    folder: Path
    cleaners: int
    """How many cleaners it went through."""

    def rows(self) -> npt.NDArray[Any]:
        """For each document, as fields: the digest of its text (`high`, `low`), its characters as `read` and cleaned
        (`length`), the `bytes` of its line, the number of its `source`, and what each cleaner `removed`."""
        return np.fromfile(self.folder / INDEX, _row_type(self.cleaners))

    def changes(self, kept: npt.NDArray[np.bool_]) -> dict[str, int]:
        """How often rules of cleaners changed the documents that are kept, by `cleaner: rule`."""
        rules = json.loads((self.folder / ACCOUNT).read_text("utf-8"))["rules"]
        found = np.fromfile(self.folder / CHANGES, np.dtype([("row", "<u4"), ("rule", "<u4"), ("times", "<u4")]))
        found = found[kept[found["row"]]]
        sums = np.zeros(len(rules), dtype=np.int64)
        np.add.at(sums, found["rule"], found["times"])
        return dict(zip(rules, map(int, sums), strict=True))

    def account(self) -> tuple[Tally, list[tuple[int, SourceAccount]]]:
        """The sums, and the account of each source with the place of its reader."""
        value = json.loads((self.folder / ACCOUNT).read_text("utf-8"))
        sources = [(source.pop("reader"), SourceAccount.from_json(source)) for source in value["sources"]]
        return Tally.from_json(value["tally"]), sources

    def sketches(self, sketcher: Sketcher) -> Sketches:
        """The sketch of each document, mapped from the file."""
        path = self.folder / SKETCHES
        return np.memmap(path, sketcher.dtype, "r") if path.stat().st_size else np.empty(0, sketcher.dtype)

    def lines(self, starts: Sequence[int], sizes: Sequence[int]) -> Iterator[bytes]:
        """The lines that begin at these bytes and have these sizes."""
        with (self.folder / DOCUMENTS).open("rb") as file:
            for start, size in zip(starts, sizes, strict=True):
                file.seek(start)
                yield file.read(size)


def with_whole_characters(item: Document | Problem) -> Document | Problem:
    """A lone half of a surrogate pair, as JSON escapes can give, is no character and cannot be written in UTF-8.

    In a text it is a problem; in the name of a file it is shown as what it is, unreadable.
    """
    source = printable(item.source)
    if isinstance(item, Problem):
        return replace(item, source=source, reason=printable(item.reason))
    try:
        item.text.encode("utf-8")
    except UnicodeEncodeError as error:
        return Problem(source, f"character {error.start + 1:,} is half of a surrogate pair, which is no text")
    return item if source == item.source else replace(item, source=source)
