"""From readers to a corpus: cleaned, without duplicates, split, and with every character accounted for."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from zaoju.contracts import Cleaner, EventSink, Executor, Notice, Options, Progress, Reader
from zaoju.corpus.account import Account
from zaoju.corpus.fates import different_texts, hold_out, read_digests, without_duplicates
from zaoju.corpus.outcome import Outcome
from zaoju.corpus.report import REPORT, SOURCES
from zaoju.corpus.shards import FinishedShard, Makers, Shard, ShardTask, Watch, are_small, make_shard, plan_shards
from zaoju.corpus.tally import PROBLEMS_LISTED
from zaoju.corpus.verdict import check_kept, check_readable
from zaoju.errors import Cancelled
from zaoju.files import hash_json, write_text_whole
from zaoju.plugins import ResolvedComponent

_SECONDS_BETWEEN_REPORTS = 0.2


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where shards are made if not in this process: what is needed to build readers and cleaners there."""

    executor: Executor[Options]
    workers: int
    """How many shards at once; 0 means one for each core."""

    readers: tuple[ResolvedComponent, ...]
    cleaners: tuple[ResolvedComponent, ...]


def prepare(
    readers: Sequence[Reader[Options]],
    cleaners: Sequence[tuple[str, Cleaner[Options]]],
    folder: Path,
    *,
    work: Path,
    drop_duplicates: bool,
    held_out: float,
    seed: int,
    skip_unreadable: bool,
    emit: EventSink,
    cancel: threading.Event,
    minimum_kept: float = 0.5,
    elsewhere: Elsewhere | None = None,
) -> Account:
    """Write `train.jsonl`, `held_out.jsonl`, `account.json`, `report.json` and `sources.jsonl` into `folder`.

    The source is read and cleaned in shards, which are kept in the folder `work`: a run that was stopped, or killed,
    goes on there with those that are whole. Remove it when `folder` is safe. What is written does not depend on
    `elsewhere`, nor on any interruption. Memory does not grow with the corpus, except for a few hashes a document.

    The share `held_out` of the documents is kept for evaluation; equal texts always go to the same side.

    Raises `CorpusError` where something cannot be read and `skip_unreadable` is false (after going through
    everything, so that one message lists it all), where fewer than two different texts are left, and where the
    cleaners leave less than `minimum_kept` of the characters. Raises `Cancelled` soon after `cancel` is set.
    """
    shards = plan_shards(readers)
    _open_work(work, shards, [name for name, _ in cleaners])
    source = _Source(shards, work, emit, cancel)
    source.make(Makers(readers, cleaners), elsewhere)
    finished = [FinishedShard(work / shard.name, len(cleaners)) for shard in shards]
    texts = different_texts(read_digests(finished))
    fates = without_duplicates(texts) if drop_duplicates else np.zeros(len(texts.text_of), dtype=np.uint8)
    names = [type(reader).__name__ for reader in readers]
    outcome = Outcome(finished, fates, names, [name for name, _ in cleaners], source.size)
    account = outcome.account()
    _tell_problems(outcome, emit, skip_unreadable=skip_unreadable)
    check_kept(account, len(texts.first), minimum_kept)
    hold_out(texts, fates, held_out, seed)
    account = outcome.account()
    outcome.write_documents(folder, cancel)
    outcome.write_sources(folder / SOURCES)
    for name, value in ((REPORT, outcome.report().to_json()), ("account.json", account.to_json())):
        write_text_whole(folder / name, json.dumps(value, ensure_ascii=False, indent=2) + "\n")
    return account


def _open_work(work: Path, shards: Sequence[Shard], cleaners: Sequence[str]) -> None:
    """Keep the shards that are there if they are of this very plan; what is half written goes."""
    plan = hash_json(
        {"shards": [[[reader, asdict(part)] for reader, part in shard.parts] for shard in shards], "cleaners": cleaners}
    )
    path = work / "plan"
    if not path.is_file() or path.read_text("utf-8") != plan:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        write_text_whole(path, plan)
    for partial in work.glob(".*.partial"):
        shutil.rmtree(partial)


def _tell_problems(outcome: Outcome, emit: EventSink, *, skip_unreadable: bool) -> None:
    """Stop the run for what cannot be read, or tell of it."""
    tally = outcome.tally
    noted = tally.problems if skip_unreadable else tally.harmless
    for problem in noted.first:
        emit(Notice(f"{problem.source}: {problem.reason}"))
    if not skip_unreadable:
        check_readable(tally.stopping.first[:PROBLEMS_LISTED], tally.stopping.count)


class _Source:
    """All shards of the source while they are made: reports progress, and stops when it is told to."""

    def __init__(self, shards: Sequence[Shard], work: Path, emit: EventSink, cancel: threading.Event) -> None:
        self._shards = shards
        self._work = work
        self._emit = emit
        self._cancel = cancel
        self._done = 0
        self._last_report = 0.0
        sizes = [shard.size for shard in shards]
        self.size = None if None in sizes else sum(size or 0 for size in sizes)
        """How many bytes there are to read; None where a reader does not know."""

    def make(self, makers: Makers, elsewhere: Elsewhere | None) -> None:
        """Make every shard that is not there."""
        missing: list[Shard] = []
        for shard in self._shards:
            if (self._work / shard.name).exists():
                self._finish(shard)
            else:
                missing.append(shard)
        if elsewhere is None or elsewhere.workers == 1 or are_small(missing):
            for shard in missing:
                make_shard(makers, shard, self._work, self._watch(shard))
                self._finish(shard)
        else:
            task = ShardTask(elsewhere.readers, elsewhere.cleaners, self._work)
            for place, _ in elsewhere.executor.run(task, missing, workers=elsewhere.workers, cancel=self._cancel):
                self._finish(missing[place])
        self._report(self._done)

    def _finish(self, shard: Shard) -> None:
        """A shard is there."""
        if self.size is None:
            _, sources = FinishedShard(self._work / shard.name, 0).account()
            self._done += sum(source.read.documents for _, source in sources)
        else:
            self._done += shard.size or 0
        self._report_now_and_then(self._done)

    def _watch(self, shard: Shard) -> Watch:
        """What counts the things that are read while this process makes the shard."""
        count = 0

        def watch(size: int) -> None:
            nonlocal count
            if self._cancel.is_set():
                raise Cancelled("preparing the corpus was cancelled; the same run again goes on from here")
            count += 1 if self.size is None else size
            self._report_now_and_then(self._done + (count if self.size is None else min(count, shard.size or 0)))

        return watch

    def _report_now_and_then(self, done: int) -> None:
        now = time.monotonic()
        if now - self._last_report >= _SECONDS_BETWEEN_REPORTS:
            self._report(done)
            self._last_report = now

    def _report(self, done: int) -> None:
        self._emit(Progress("reading", done, self.size, "documents" if self.size is None else "bytes"))
