"""All shards of a corpus are made, here or elsewhere, and those that are there already are not made again."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from zaoju.config import NearDuplicates
from zaoju.contracts import Executor, Options
from zaoju.corpus.monitor import Monitor
from zaoju.corpus.shards import FinishedShard, Makers, Shard, ShardTask, Watch, are_small, make_shard
from zaoju.files import hash_json, write_text_whole
from zaoju.plugins import ResolvedComponent


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where shards are made if not in this process: what is needed to build readers and cleaners there."""

    executor: Executor[Options]
    workers: int
    """How many shards at once; 0 means one for each core."""

    readers: tuple[ResolvedComponent, ...]
    cleaners: tuple[ResolvedComponent, ...]


def make_shards(
    shards: Sequence[Shard],
    makers: Makers,
    work: Path,
    monitor: Monitor,
    *,
    near_duplicates: NearDuplicates | None,
    elsewhere: Elsewhere | None,
) -> list[FinishedShard]:
    """Make every shard that is not in the folder `work` yet. Raises what readers, cleaners and executor raise."""
    making = _Making(shards, work, monitor)
    missing = making.missing()
    if elsewhere is None or elsewhere.workers == 1 or are_small(missing):
        for shard in missing:
            make_shard(makers, shard, work, making.watch(shard))
            making.finish(shard)
    else:
        task = ShardTask(elsewhere.readers, elsewhere.cleaners, near_duplicates, work)
        for place, _ in elsewhere.executor.run(task, missing, workers=elsewhere.workers, cancel=monitor.cancel):
            making.finish(missing[place])
    making.report(making.done, last=True)
    return [FinishedShard(work / shard.name, len(makers.cleaners)) for shard in shards]


def open_work(
    work: Path, shards: Sequence[Shard], cleaners: Sequence[str], near_duplicates: NearDuplicates | None
) -> None:
    """Keep the shards that are in the folder if they are of this very plan; what is half written goes."""
    plan = hash_json(
        {
            "shards": [[[reader, asdict(part)] for reader, part in shard.parts] for shard in shards],
            "cleaners": list(cleaners),
            "near_duplicates": near_duplicates and near_duplicates.model_dump(mode="json"),
        }
    )
    path = work / "plan"
    if not path.is_file() or path.read_text("utf-8") != plan:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        write_text_whole(path, plan)
    for partial in work.glob(".*.partial"):
        shutil.rmtree(partial, ignore_errors=True)  # a worker of a killed process may be about to do the same


def total_size(shards: Sequence[Shard]) -> int | None:
    """How many bytes there are to read; None where a reader does not know."""
    sizes = [shard.size for shard in shards]
    return None if None in sizes else sum(size or 0 for size in sizes)


class _Making:
    """How far the shards are."""

    def __init__(self, shards: Sequence[Shard], work: Path, monitor: Monitor) -> None:
        self._shards = shards
        self._work = work
        self._monitor = monitor
        self._size = total_size(shards)
        self.done = 0
        """Bytes, or documents where the size is not known."""

    def missing(self) -> list[Shard]:
        """The shards that are not there, after those that are have been counted."""
        missing = [shard for shard in self._shards if not (self._work / shard.name).exists()]
        numbers = {shard.number for shard in missing}
        for shard in self._shards:
            if shard.number not in numbers:
                self.finish(shard)
        return missing

    def finish(self, shard: Shard) -> None:
        """A shard is there."""
        if self._size is None:
            _, sources = FinishedShard(self._work / shard.name, 0).account()
            self.done += sum(source.read.documents for _, source in sources)
        else:
            self.done += shard.size or 0
        self.report(self.done)

    def watch(self, shard: Shard) -> Watch:
        """What counts the things that are read while this process makes the shard."""
        count = 0

        def watch(size: int) -> None:
            nonlocal count
            self._monitor.check()
            count += 1 if self._size is None else size
            self.report(self.done + (count if self._size is None else min(count, shard.size or 0)))

        return watch

    def report(self, done: int, *, last: bool = False) -> None:
        """Say how far the reading is."""
        unit = "documents" if self._size is None else "bytes"
        self._monitor.progress("reading", done, self._size, unit, last=last)
