"""The last part of preparing a corpus: each document goes where it belongs, and all is added up."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from zaoju.corpus.account import Account, Count
from zaoju.corpus.fates import Fate, Fates
from zaoju.corpus.report import EXACT_DUPLICATE, EXAMPLES_A_RULE, NEAR_DUPLICATE, Lengths, Report, SourceAccount
from zaoju.corpus.shards import DOCUMENTS, FinishedShard
from zaoju.corpus.tally import Tally

_BLOCK = 1 << 20
_COPIED = ((Fate.TRAIN, "train.jsonl"), (Fate.HELD_OUT, "held_out.jsonl"))
_LEFT_OUT = ((Fate.DUPLICATE, EXACT_DUPLICATE), (Fate.NEAR_DUPLICATE, NEAR_DUPLICATE))


@dataclass(slots=True)
class Outcome:
    """The shards of a corpus, and the fate of each document in them, in one order."""

    shards: Sequence[FinishedShard]
    fates: Fates
    names: Sequence[str]
    """The name of each reader, for a source without a label."""

    cleaners: Sequence[str]
    """The name of each cleaner."""

    bytes_read: int | None
    tally: Tally = field(default_factory=Tally)

    def account(self) -> Account:
        """The account, summed over all sources."""
        self.tally = Tally()
        read = Count()
        sums = {fate: Count() for fate in Fate}
        removed = np.zeros(len(self.cleaners), dtype=np.int64)
        changes = Counter[str]()
        replaced = 0
        for shard, rows, fates in self._each():
            tally, sources = shard.account()
            self.tally.update(tally)
            for _, source in sources:
                read += source.read
                replaced += source.replaced_bytes
            for fate in Fate:
                sums[fate] += _count(rows, fates == fate, fate)
            removed += rows["removed"][fates <= Fate.HELD_OUT].sum(axis=0, dtype=np.int64)
            changes.update(shard.changes(fates <= Fate.HELD_OUT))
        problems = self.tally.problems
        return Account(
            read=read,
            train=sums[Fate.TRAIN],
            held_out=sums[Fate.HELD_OUT],
            removed=dict(zip(self.cleaners, map(int, removed), strict=True)),
            changes=dict(changes),
            dropped=self.tally.dropped,
            duplicates=sums[Fate.DUPLICATE],
            near_duplicates=sums[Fate.NEAR_DUPLICATE],
            replaced_bytes=replaced,
            bytes_read=self.bytes_read,
            problems=tuple(problems.first),
            problem_count=problems.count,
            problem_bytes=problems.bytes,
        )

    def report(self) -> Report:
        """The report; after `account`."""
        lengths = Lengths()
        for shard, rows, fates in self._each():
            kept = rows["length"][fates <= Fate.HELD_OUT]
            lengths.update(_lengths(kept))
            for fate, rule in _LEFT_OUT:
                self._add_examples(shard, rows, np.flatnonzero(fates == fate), rule)
        return Report(self.tally.examples, self.tally.read_lengths, lengths)

    def write_documents(self, folder: Path, check: Callable[[], None]) -> None:
        """Write `train.jsonl` and `held_out.jsonl`. `check` may raise to stop it."""
        for fate, name in _COPIED:
            with (folder / name).open("wb") as file:
                for shard, rows, fates in self._each():
                    check()
                    with (shard.folder / DOCUMENTS).open("rb") as documents:
                        _copy_chosen(documents, file, rows["bytes"], fates == fate)

    def write_sources(self, path: Path) -> None:
        """Write the account of each source, one a line."""
        open_key: tuple[int, str] | None = None
        joined: SourceAccount | None = None
        with path.open("w", encoding="utf-8", newline="\n") as file:
            for key, source in self._sources():
                if joined is not None and key == open_key:
                    joined.update(source)
                    continue
                if joined is not None:
                    file.write(json.dumps(asdict(joined), ensure_ascii=False) + "\n")
                open_key, joined = key, source
            if joined is not None:
                file.write(json.dumps(asdict(joined), ensure_ascii=False) + "\n")

    def _sources(self) -> Iterator[tuple[tuple[int, str], SourceAccount]]:
        """Every source with its reader; one that lies in several shards comes once for each of them."""
        for shard, rows, fates in self._each():
            for number, (reader, source) in enumerate(shard.account()[1]):
                mine = rows["source"] == number
                key = (reader, source.source)
                source.source = source.source or self.names[reader]
                source.train, source.held_out, source.duplicates, source.near_duplicates = (
                    _count(rows, mine & (fates == fate), fate) for fate in Fate
                )
                kept = mine & (fates <= Fate.HELD_OUT)
                source.removed = int(rows["removed"][kept].sum(dtype=np.int64))
                yield key, source

    def _each(self) -> Iterator[tuple[FinishedShard, npt.NDArray[Any], Fates]]:
        """Each shard with the rows of its documents and their fates."""
        start = 0
        for shard in self.shards:
            rows = shard.rows()
            yield shard, rows, self.fates[start : start + len(rows)]
            start += len(rows)

    def _add_examples(
        self, shard: FinishedShard, rows: npt.NDArray[Any], places: npt.NDArray[np.int64], rule: str
    ) -> None:
        """Offer the few documents of lowest rank among those at `places`."""
        order = np.lexsort((rows["low"][places], rows["high"][places]))
        few: dict[str, int] = {}
        for place in places[order]:
            rank = f"{int(rows['high'][place]):016x}{int(rows['low'][place]):016x}"
            few.setdefault(rank, int(place))
            if len(few) > EXAMPLES_A_RULE or not self.tally.examples.wanted(rule, rank):
                break
        starts = np.cumsum(rows["bytes"], dtype=np.int64) - rows["bytes"]
        chosen = list(few.values())
        lines = shard.lines(starts[chosen].tolist(), rows["bytes"][chosen].tolist())
        for rank, line in zip(few, lines, strict=True):
            document = json.loads(line)
            self.tally.examples.add(rule, rank, document["source"], document["text"])


def _count(rows: npt.NDArray[Any], chosen: npt.NDArray[np.bool_], fate: Fate) -> Count:
    """Kept documents count as they were cleaned, others as they were read."""
    characters = rows["length" if fate <= Fate.HELD_OUT else "read"][chosen]
    return Count(len(characters), int(characters.sum(dtype=np.int64)))


def _lengths(characters: npt.NDArray[Any]) -> Lengths:
    lengths = Lengths()
    exponents = np.frexp(characters.astype(np.float64))[1]  # of a whole number, its bit length
    counted = np.bincount(exponents, minlength=len(lengths.classes))
    lengths.classes = counted.tolist()
    return lengths


def _copy_chosen(source: BinaryIO, target: BinaryIO, sizes: npt.NDArray[Any], chosen: npt.NDArray[np.bool_]) -> None:
    """Copy the chosen lines, neighbours together."""
    ends = np.cumsum(sizes, dtype=np.int64)
    edges = np.flatnonzero(np.diff(chosen.astype(np.int8), prepend=0, append=0))
    for first, after in edges.reshape(-1, 2):
        source.seek(int(ends[first] - sizes[first]))
        left = int(ends[after - 1] - ends[first] + sizes[first])
        while left:
            block = source.read(min(left, _BLOCK))
            target.write(block)
            left -= len(block)
