"""What a component of decoding may know of the vocabulary that it works with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from typing import TypeVar

T = TypeVar("T")


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
        """`make(self)`, kept under `key` for as long as the table lives.

        For what takes a look at every token and is the same for all requests. Begin the key with your component's name.
        """
        kept: dict[Hashable, T] = self.__dict__.setdefault("_derived", {})
        return kept.setdefault(key, make(self)) if key not in kept else kept[key]
