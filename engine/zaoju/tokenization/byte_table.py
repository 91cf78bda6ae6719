"""Which bytes each token of a byte-level vocabulary stands for."""

from __future__ import annotations

import json

from tokenizers import Tokenizer as Backend

from zaoju.tokenization.byte_level import from_byte_level


def byte_table(backend: Backend) -> list[bytes | None] | None:
    """The bytes of each token by its id, None for special tokens and unused ids.

    None instead of a table where the tokenizer is not byte-level, so that only its own decoder knows its text.
    """
    prefix = _stripped_prefix(backend)
    if prefix is None:
        return None
    vocabulary = backend.get_vocab(with_added_tokens=True)
    added = backend.get_added_tokens_decoder()
    table: list[bytes | None] = [None] * (max(vocabulary.values()) + 1)
    for token, number in vocabulary.items():
        if number in added:
            table[number] = None if added[number].special else added[number].content.encode()
        else:
            table[number] = from_byte_level(token.removeprefix(prefix))
    return table


def _stripped_prefix(backend: Backend) -> str | None:
    """The prefix that decoding takes off a token before it reads the bytes; None where decoding is not byte-level."""
    if backend.decoder is None:
        return None
    match json.loads(backend.decoder.__getstate__()):
        case {"type": "ByteLevel"}:
            return ""
        case {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": str(prefix)}, "content": ""},
                {"type": "ByteLevel"},
            ],
        }:
            return prefix
    return None
