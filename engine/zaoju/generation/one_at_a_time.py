"""One object that several decode loops use in turn, and to which things go back without waiting."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager


class OneAtATime:
    """A lock, and a list of numbers that are given back as soon as nobody holds it.

    Giving back never waits. The garbage collector may close a forgotten stream at any moment, also in the thread that
    holds the lock.
    """

    def __init__(self, give_back: Callable[[list[int]], None]) -> None:
        self._give_back = give_back
        self._lock = threading.Lock()
        self._door = threading.Lock()
        self._leaving: deque[int] = deque()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other thread is inside. A thread that comes back at once stands behind those who wait."""
        try:
            # Whoever waits for the lock holds the door, and a lock alone goes to whoever is there first.
            self._door.acquire()
            try:
                self._lock.acquire()
            finally:
                self._door.release()
            try:
                self._clear()
                yield
            finally:
                self._lock.release()
        finally:
            self._clear_if_idle()

    def leave(self, numbers: Sequence[int]) -> None:
        """Give `numbers` back: at once where nobody is inside, else when whoever is inside goes."""
        self._leaving.extend(numbers)
        self._clear_if_idle()

    def _clear_if_idle(self) -> None:
        # Whoever holds the lock looks again after letting go of it, so nothing is forgotten.
        while self._leaving and self._lock.acquire(blocking=False):
            try:
                self._clear()
            finally:
                self._lock.release()

    def _clear(self) -> None:
        numbers = []
        while self._leaving:
            numbers.append(self._leaving.popleft())
        if numbers:
            self._give_back(numbers)
