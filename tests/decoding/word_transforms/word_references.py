"""The definitions of the transforms about tokens and words in plain Python, and vocabularies to try them on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from zaoju import TokenTable

NOTHING = float("-inf")


class Pieces(TokenTable):
    """A vocabulary of any pieces, some of them twice, some of them nothing. A text is cut into the longest pieces."""

    byte_level = True
    end_of_text = 0

    def __init__(self, pieces: Sequence[bytes | None]) -> None:
        self.pieces = pieces
        self.size = len(pieces)
        self.fingerprint = repr(pieces)

    def bytes_of(self, token: int) -> bytes | None:
        return self.pieces[token]

    def encode(self, text: str) -> list[int]:
        rest, tokens = text.encode(), list[int]()
        while rest:
            fits = [token for token, piece in enumerate(self.pieces) if piece and rest.startswith(piece)]
            tokens.append(max(fits, key=lambda token: len(self.pieces[token] or b"")))
            rest = rest[len(self.pieces[tokens[-1]] or b"") :]
        return tokens


def text_of(table: TokenTable, tokens: Iterable[int]) -> bytes:
    return b"".join(table.bytes_of(token) or b"" for token in tokens)


def new_words(words: Iterable[str], before: bytes, after: bytes) -> list[str]:
    """The words that stand in `before + after` and do not lie in `before` wholly, once for each place."""
    text = before + after
    return [
        word for word in words for end in range(len(before) + 1, len(text) + 1) if text[:end].endswith(word.encode())
    ]


def banned_tokens(words: Sequence[str], before: bytes, table: TokenTable) -> set[int]:
    """The tokens that complete a word after the bytes `before`."""
    return {token for token in range(table.size) if new_words(words, before, table.bytes_of(token) or b"")}


def biased(logits: Sequence[float], biases: Mapping[str, float], table: TokenTable) -> list[float]:
    result = list(logits)
    for key, bias in biases.items():
        token = int(key[3:]) if key.startswith("id:") else table.encode(key)[0]
        result[token] += bias
    return result


def _mix(value: int) -> int:
    for shift, factor in ((16, 0x21F0AAAD), (15, 0x735A2D97)):
        value = (value ^ (value >> shift)) * factor % 2**32
    return value ^ (value >> 15)


def green(key: int, gamma: float, previous: int, candidate: int) -> bool:
    """The hash of the watermark, with numbers that cannot overflow."""
    state = _mix(_mix(key % 2**32) ^ (key // 2**32))
    state = _mix(_mix(state ^ previous) ^ state)
    return _mix(_mix(state ^ candidate) ^ state) < gamma * 2**32


def watermarked(logits: Sequence[float], options: Mapping[str, Any], tokens: Sequence[int]) -> list[float]:
    if not tokens:
        return list(logits)
    delta, gamma, key = (options[f"watermark_{name}"] for name in ("delta", "gamma", "key"))
    return [logit + delta if green(key, gamma, tokens[-1], token) else logit for token, logit in enumerate(logits)]
