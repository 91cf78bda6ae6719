"""A vocabulary of single bytes and a few Chinese words, for checks that need tokens and no model."""

from __future__ import annotations

from zaoju.contracts import TokenTable

_WORDS = ("我", "你", "的", "，", "。", "我们", "你们", "今天", "春天", "花")
_UNUSED = 4  # so that the size is a prime, and no share of equal tokens is a matter of rounding


class ByteTable(TokenTable):
    """Token 0 ends a document, 1 to 256 are the bytes, then come a few words, and at the end tokens without text."""

    byte_level = True
    end_of_text = 0

    def __init__(self) -> None:
        self._texts: list[bytes | None] = [None, *(bytes([number]) for number in range(256))]
        self._texts += [word.encode() for word in _WORDS] + [None] * _UNUSED
        self._token_of = {text: token for token, text in enumerate(self._texts) if text is not None}
        self._longest = max(map(len, self._token_of))
        self.size = len(self._texts)
        self.fingerprint = "the byte table of zaoju.testing"

    def bytes_of(self, token: int) -> bytes | None:
        """The bytes of a token; None for the one that ends a document, and for the unused ones."""
        return self._texts[token]

    def encode(self, text: str) -> list[int]:
        """The longest known piece first."""
        rest, tokens = text.encode(), list[int]()
        while rest:
            lengths = range(min(self._longest, len(rest)), 0, -1)
            length = next(length for length in lengths if rest[:length] in self._token_of)
            tokens.append(self._token_of[rest[:length]])
            rest = rest[length:]
        return tokens


class OneToken(TokenTable):
    """The smallest vocabulary there is: whatever is written, it is the one token, which also ends a document."""

    size = 1
    end_of_text = 0
    fingerprint = "the one token of zaoju.testing"
    byte_level = True

    def bytes_of(self, token: int) -> bytes | None:
        """It has no text of its own."""
        return None

    def encode(self, text: str) -> list[int]:
        """One token for every character."""
        return [0] * len(text)
