"""A vocabulary, sorted so that the tokens with given bytes are found without a look at all of them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate

from zaoju import TokenTable


class VocabularyBytes:
    """The tokens of a byte-level vocabulary by what they begin with, end in, contain and are."""

    def __init__(self, table: TokenTable) -> None:
        pieces = [table.bytes_of(token) or b"" for token in range(table.size)]
        self.silent = [token for token, piece in enumerate(pieces) if not piece]
        """The tokens that write nothing: special and unused ones."""
        self.longest = max(map(len, pieces), default=0)
        """How many bytes the longest token has."""
        self._tokens: dict[bytes, list[int]] = {}
        for token, piece in enumerate(pieces):
            if piece:
                self._tokens.setdefault(piece, []).append(token)
        self._forwards = sorted(self._tokens)
        self._backwards = sorted(piece[::-1] for piece in self._tokens)
        self._joined = b"".join(self._forwards)
        self._starts = [0, *accumulate(map(len, self._forwards))]

    def equal_to(self, piece: bytes) -> list[int]:
        """The tokens whose bytes are `piece`; several, where a vocabulary spells it several times."""
        return self._tokens.get(piece, [])

    def beginning_with(self, start: bytes) -> list[int]:
        """The tokens whose bytes begin with `start`."""
        return [token for piece in _range(self._forwards, start) for token in self._tokens[piece]]

    def ending_in(self, end: bytes) -> list[int]:
        """The tokens whose bytes end in `end`."""
        return [token for piece in _range(self._backwards, end[::-1]) for token in self._tokens[piece[::-1]]]

    def containing(self, word: bytes) -> list[int]:
        """The tokens in whose bytes `word` stands anywhere."""
        found: list[int] = []
        place = self._joined.find(word)
        while place >= 0:
            number = bisect_right(self._starts, place) - 1
            stop = self._starts[number + 1]
            inside = place + len(word) <= stop
            if inside:
                found += self._tokens[self._forwards[number]]
            # What straddles two tokens is none of them; a token that was found need not be looked at again.
            place = self._joined.find(word, stop if inside else place + 1)
        return found


def _range(pieces: list[bytes], start: bytes) -> list[bytes]:
    """Those of the sorted `pieces` that begin with `start`."""
    first = bisect_left(pieces, start)
    return pieces[first : bisect_right(pieces, start, lo=first, key=lambda piece: piece[: len(start)])]
