"""Things that are made once and used again, within a bound."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """The last `most` things that were asked for, by key. A thread that makes one holds up only those who want it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._made: dict[Hashable, T] = {}
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What is kept under `key`; made now where there is nothing."""
        with self._lock:
            if key in self._made:
                return self._touched(key)
            own = self._making.setdefault(key, threading.Lock())
        with own:
            with self._lock:
                if key in self._made:
                    return self._touched(key)
            try:
                made = make()
            except BaseException:
                with self._lock:
                    self._making.pop(key, None)
                raise
            with self._lock:
                self._made[key] = made
                self._making.pop(key, None)
                if len(self._made) > self._most:
                    del self._made[next(iter(self._made))]
            return made

    def _touched(self, key: Hashable) -> T:
        """The oldest stands first, so what is asked for goes to the end."""
        self._made[key] = self._made.pop(key)
        return self._made[key]
