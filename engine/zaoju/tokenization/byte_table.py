"""Which bytes each token of a byte-level vocabulary stands for."""

from __future__ import annotations

from tokenizers import Tokenizer as Backend
from tokenizers import decoders

from zaoju.tokenization.byte_level import from_byte_level


def byte_table(backend: Backend) -> list[bytes | None] | None:
    """The bytes of each token by its id, None for special tokens and unused ids.

    None instead of a table where the tokenizer is not byte-level, so that only its own decoder knows its text.
    """
    if not isinstance(backend.decoder, decoders.ByteLevel):
        return None
    vocabulary = backend.get_vocab(with_added_tokens=True)
    added = backend.get_added_tokens_decoder()
    table: list[bytes | None] = [None] * (max(vocabulary.values()) + 1)
    for token, number in vocabulary.items():
        if number in added:
            table[number] = None if added[number].special else added[number].content.encode()
        else:
            table[number] = from_byte_level(token)
    return table
