"""From readers to a corpus: cleaned, without duplicates, split, and with every character accounted for."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zaoju.config import NearDuplicates
from zaoju.contracts import Cleaner, EventSink, Notice, Options, Reader
from zaoju.corpus.account import Account
from zaoju.corpus.fates import (
    Fates,
    Texts,
    different_texts,
    drop_near_duplicates,
    hold_out,
    read_digests,
    texts_kept,
    without_duplicates,
)
from zaoju.corpus.monitor import Monitor
from zaoju.corpus.near_duplicates import NearDuplicatesFound
from zaoju.corpus.near_pairs import NEAR_PAIRS, write_near_pairs
from zaoju.corpus.outcome import Outcome
from zaoju.corpus.report import REPORT, SOURCES
from zaoju.corpus.shard_making import Elsewhere, make_shards, open_work, total_size
from zaoju.corpus.shards import FinishedShard, Makers, plan_shards
from zaoju.corpus.sketches import Sketcher
from zaoju.corpus.stored_texts import StoredTexts, near_duplicates_of
from zaoju.corpus.tally import Tally
from zaoju.corpus.telling import problem_lines
from zaoju.corpus.verdict import check_kept, check_readable
from zaoju.files import write_text_whole


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
    near_duplicates: NearDuplicates | None = None,
    minimum_kept: float = 0.5,
    elsewhere: Elsewhere | None = None,
) -> Account:
    """Write `train.jsonl`, `held_out.jsonl`, `account.json`, `report.json` and `sources.jsonl` into `folder`.

    With `near_duplicates` also `near_duplicates.jsonl`, which names each document that went for another.

    The source is read and cleaned in shards, which are kept in the folder `work`: a run that was stopped, or killed,
    goes on there with those that are whole. Remove it when `folder` is safe. What is written does not depend on
    `elsewhere`, nor on any interruption. Memory does not grow with the corpus, except for a few hashes a document.

    Of equal texts the first document stays, and with `near_duplicates` of similar texts the longest. The share
    `held_out` of the documents is kept for evaluation; equal texts always go to the same side.

    Raises `CorpusError` where something cannot be read and `skip_unreadable` is false (after going through
    everything, so that one message lists it all), where fewer than two different texts are left, and where the
    cleaners leave less than `minimum_kept` of the characters. Raises `Cancelled` soon after `cancel` is set.
    """
    monitor = Monitor(emit, cancel)
    makers = Makers(readers, cleaners, None if near_duplicates is None else Sketcher(near_duplicates))
    plan = plan_shards(readers)
    open_work(work, plan, [name for name, _ in cleaners], near_duplicates)
    shards = make_shards(plan, makers, work, monitor, near_duplicates=near_duplicates, elsewhere=elsewhere)
    texts = different_texts(read_digests(shards))
    fates = without_duplicates(texts) if drop_duplicates else np.zeros(len(texts.text_of), dtype=np.uint8)
    near = NearDuplicatesFound()
    if makers.sketcher is not None and len(texts.first):
        near = _drop_near_duplicates(texts, fates, shards, makers.sketcher, work, monitor)
    names = [type(reader).__name__ for reader in readers]
    outcome = Outcome(shards, fates, names, [name for name, _ in cleaners], total_size(plan))
    account = outcome.account()
    _tell_problems(outcome.tally, emit, skip_unreadable=skip_unreadable)
    check_kept(account, texts_kept(texts, fates), minimum_kept)
    hold_out(texts, fates, held_out, seed)
    account = outcome.account()
    outcome.write_documents(folder, monitor.check)
    outcome.write_sources(folder / SOURCES)
    if near_duplicates is not None:
        write_near_pairs(folder / NEAR_PAIRS, near, StoredTexts(texts, shards), monitor.check)
    for name, value in ((REPORT, outcome.report().to_json()), ("account.json", account.to_json())):
        write_text_whole(folder / name, json.dumps(value, ensure_ascii=False, indent=2) + "\n")
    return account


def _drop_near_duplicates(
    texts: Texts, fates: Fates, shards: Sequence[FinishedShard], sketcher: Sketcher, work: Path, monitor: Monitor
) -> NearDuplicatesFound:
    def watch(done: int, total: int) -> None:
        monitor.check()
        monitor.progress("comparing", done, total, "documents")

    found = near_duplicates_of(texts, shards, sketcher, work / "sketches", watch)
    near = np.zeros(len(texts.first), dtype=np.bool_)
    near[[item.document for item in found.found]] = True
    drop_near_duplicates(texts, fates, near)
    if found.crowded:
        monitor.emit(
            Notice(
                f"{found.crowded:,} documents share text with more others than are compared; some near"
                " duplicates of them may be left"
            )
        )
    return found


def _tell_problems(tally: Tally, emit: EventSink, *, skip_unreadable: bool) -> None:
    """Stop the run for what cannot be read, or tell of it."""
    told = tally.problems if skip_unreadable else tally.harmless
    for line in problem_lines(told.first, told.count):
        emit(Notice(line))
    if not skip_unreadable:
        check_readable(tally.stopping.first, tally.stopping.count)
