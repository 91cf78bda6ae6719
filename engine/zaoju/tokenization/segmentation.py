"""Cutting documents into words, without loss and in many processes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from functools import cached_property
from itertools import chain, islice
from typing import Any

from zaoju.contracts import Segmenter
from zaoju.errors import PluginError, UserError
from zaoju.plugins import ResolvedComponent
from zaoju.tokenization.alignment import align
from zaoju.workers import cores, worker_processes

_BATCH_CHARACTERS = 1 << 16
_BATCH_TEXTS = 256
_BATCHES_AHEAD = 3


class LosslessSegmenter:
    """A segmenter whose pieces always join to the text again. Threads may share one; it cuts for one at a time."""

    def __init__(self, segmenter: Segmenter[Any], name: str | None = None) -> None:
        self._segmenter = segmenter
        self._name = name or type(segmenter).__name__
        self._lock = threading.Lock()

    def pieces(self, text: str) -> list[str]:
        """The words of `text` and whatever stands between them. Raises `UserError` where the segmenter changes text."""
        with self._lock:
            pieces = self._segmenter.segment(text)
        return align(text, pieces, self._name)

    def pieces_of_all(self, texts: Sequence[str]) -> list[list[str]]:
        """The same for many texts, in order."""
        with self._lock:
            cuts = self._segmenter.segment_batch(texts)
        if len(cuts) != len(texts):
            raise PluginError(
                f"segmenter {self._name!r}: segment_batch gave {len(cuts)} results for {len(texts)} texts"
            )
        return [align(text, pieces, self._name) for text, pieces in zip(texts, cuts, strict=True)]


def segment_documents(segmenter: ResolvedComponent, texts: Iterable[str], workers: int) -> Iterator[list[str]]:
    """The pieces of each text, in order.

    With `workers` above 1 the texts are cut in that many processes, each with a segmenter of its own; 0 means one for
    each core. Only a few batches are read ahead, so memory does not grow with the corpus.

    Raises `UserError` where the segmenter changes text or a process dies.
    """
    workers = workers or cores()
    batches = _batches(texts)
    beginning = list(islice(batches, 2))
    if workers == 1 or len(beginning) < 2:
        here = _Worker(segmenter)
        for batch in chain(beginning, batches):
            yield from here.segment(batch)
    else:
        for pieces in _in_processes(segmenter, chain(beginning, batches), workers):
            yield from pieces


def _in_processes(
    segmenter: ResolvedComponent, batches: Iterator[list[str]], workers: int
) -> Iterator[list[list[str]]]:
    """The results in the order of the batches, at most a few batches ahead of whoever takes them."""
    waiting: deque[Future[list[list[str]]]] = deque()
    try:
        with worker_processes(_Worker(segmenter).segment, workers) as submit:
            for batch in batches:
                waiting.append(submit(batch))
                if len(waiting) >= workers * _BATCHES_AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise UserError(
            f"a process that ran segmenter {segmenter.name!r} died; if memory ran out, set `tokenization.workers: 1`."
            " A script that starts zaoju must do so under `if __name__ == '__main__':`, as processes import it again."
        ) from error


class _Worker:
    """Builds the segmenter when it is first needed, so that its errors come with the first result."""

    def __init__(self, segmenter: ResolvedComponent) -> None:
        self._component = segmenter

    @cached_property
    def _segmenter(self) -> LosslessSegmenter:
        return LosslessSegmenter(self._component.build(Segmenter), self._component.name)

    def segment(self, batch: list[str]) -> list[list[str]]:
        """The pieces of each text."""
        return self._segmenter.pieces_of_all(batch)


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Texts in groups that are worth sending to another process."""
    batch: list[str] = []
    characters = 0
    for text in texts:
        batch.append(text)
        characters += len(text)
        if characters >= _BATCH_CHARACTERS or len(batch) >= _BATCH_TEXTS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
