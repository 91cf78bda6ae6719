"""Which bytes each token of a byte-level vocabulary stands for."""

from __future__ import annotations

from typing import Self

from tokenizers import Tokenizer as Backend
from tokenizers import decoders

from zaoju.tokenization.byte_level import from_byte_level


class ByteTable:
    """The bytes of each token, looked up when they are first asked for.

    A text has some hundred tokens and a vocabulary 150,000, which take as long to go through as the weights of a small
    model to read.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._known = {
            number: None if token.special else token.content.encode()
            for number, token in backend.get_added_tokens_decoder().items()
        }

    @classmethod
    def of(cls, backend: Backend) -> Self | None:
        """None where the tokenizer is not byte-level, so that only its own decoder knows its text."""
        return cls(backend) if isinstance(backend.decoder, decoders.ByteLevel) else None

    def bytes_of(self, token: int) -> bytes | None:
        """None for a special token and for an id below the greatest that is not in use."""
        if token not in self._known:
            written = self._backend.id_to_token(token)
            self._known[token] = None if written is None else _bytes(written)
        return self._known[token]


def _bytes(token: str) -> bytes:
    """A token outside the alphabet is its own text, as the decoder of `tokenizers` has it."""
    try:
        return from_byte_level(token)
    except ValueError:
        return token.encode()
