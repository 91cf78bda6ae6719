"""Which tokens begin with given bytes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

LONGEST = 64
"""Longer tokens are runs of blanks or signs, and no prompt is looked at so far back for their sake."""


class TokenPrefixes:
    """The tokens of a vocabulary in the order of their bytes: a trie laid flat, in which a prefix is a range."""

    def __init__(self, tokens: Iterable[tuple[int, bytes]]) -> None:
        ordered = sorted((raw, token) for token, raw in tokens if 0 < len(raw) <= LONGEST)
        self._bytes = [raw for raw, _ in ordered]
        self._tokens = [token for _, token in ordered]
        self.longest = max(map(len, self._bytes), default=0)
        """How many bytes the longest token has that is known here."""

    def exactly(self, text: bytes) -> list[int]:
        """The tokens that are `text`, in the order of their ids; of most texts there is none, of others one."""
        start = bisect_left(self._bytes, text)
        stop = bisect_left(self._bytes, text + b"\0", start)
        return self._tokens[start:stop]

    def longer(self, text: bytes) -> list[int]:
        """The tokens that begin with `text` and go on, in the order of their bytes."""
        start = bisect_left(self._bytes, text + b"\0")
        return self._tokens[start : self._end(text, start)]

    def has_longer(self, text: bytes) -> bool:
        """Whether `longer` gives any."""
        start = bisect_left(self._bytes, text + b"\0")
        return start < len(self._bytes) and self._bytes[start].startswith(text)

    def _end(self, text: bytes, start: int) -> int:
        """Where the tokens end that begin with `text`: before the next greater string of the same length or less."""
        stem = text.rstrip(b"\xff")
        if not stem:
            return len(self._bytes)
        return bisect_left(self._bytes, stem[:-1] + bytes([stem[-1] + 1]), start)
