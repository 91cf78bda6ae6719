"""What a component of decoding may know of the vocabulary that it works with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from threading import RLock
from typing import TypeVar

T = TypeVar("T")

_MOST_DERIVED = 128


class TokenTable(ABC):
    """The tokens of a model: how many there are, what each stands for, and how text becomes tokens."""

    size: int
    """The width of the logits: ids are below it."""

    end_of_text: int
    """The id of the token that ends a document."""

    fingerprint: str
    """Equal exactly where two vocabularies are equal."""

    byte_level: bool
    """Whether `bytes_of` knows the bytes of every token that has text. A component that cannot do without names
    `bytes` in its `Component.needs`, and is then refused for other vocabularies."""

    @abstractmethod
    def bytes_of(self, token: int) -> bytes | None:
        """The bytes of a token's text, which may be part of a character; None for special and unused tokens."""

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """The tokens of `text`, without any special token."""

    def derived(self, key: Hashable, make: Callable[[TokenTable], T]) -> T:
        """`make(self)`, made once and kept under `key`; of many keys, the last ones that were asked for.

        For what takes a look at every token and is the same for many requests. Begin the key with your component's
        name. May be called from any thread, and by `make`.
        """
        lock: RLock = self.__dict__.setdefault("_derived_lock", RLock())
        kept: dict[Hashable, T] = self.__dict__.setdefault("_derived", {})
        with lock:
            value = kept.pop(key) if key in kept else make(self)
            kept[key] = value
            if len(kept) > _MOST_DERIVED:
                del kept[next(iter(kept))]
            return value
