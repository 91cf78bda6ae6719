"""One runner for many decode loops: it computes for one at a time, and rows go back to it without waiting."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from zaoju.contracts import Runner


class SharedRunner:
    """Guards a runner that loops in several threads use."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._lock = threading.Lock()
        self._leaving: deque[int] = deque()

    def prefill(self, prompts: Sequence[Sequence[int]]) -> tuple[list[int], torch.Tensor]:
        """`Runner.prefill`, once no other loop computes."""
        with self._alone():
            return self._runner.prefill(prompts)

    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> torch.Tensor:
        """`Runner.step`, once no other loop computes."""
        with self._alone():
            return self._runner.step(rows, tokens)

    def drop(self, rows: Sequence[int]) -> None:
        """Free rows: at once where no loop computes, else as soon as the one that does has finished.

        It never waits. The garbage collector may close a forgotten stream at any moment, also in the thread that is
        inside `step` and holds the lock.
        """
        self._leaving.extend(rows)
        self._drop_if_idle()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            with self._lock:
                self._drop_leaving()
                yield
        finally:
            self._drop_if_idle()

    def _drop_if_idle(self) -> None:
        # Whoever holds the lock looks again after letting go of it, so no row is forgotten.
        while self._leaving and self._lock.acquire(blocking=False):
            try:
                self._drop_leaving()
            finally:
                self._lock.release()

    def _drop_leaving(self) -> None:
        rows = []
        while self._leaving:
            rows.append(self._leaving.popleft())
        if rows:
            self._runner.drop(rows)
