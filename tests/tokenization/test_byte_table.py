"""The bytes of tokens, asked one by one."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models

from support.small_vocabularies import pair_tokenizer
from zaoju.tokenization import Tokenizer, from_byte_level
from zaoju.tokenization.byte_table import ByteTable
from zaoju.tokenization.parts import TokenizerParts


def test_every_token_has_the_bytes_that_its_spelling_says() -> None:
    tokenizer = pair_tokenizer()
    backend = tokenizer._parts.backend
    table = ByteTable.of(backend)
    assert table is not None
    spelled = {token: from_byte_level(text) for text, token in backend.get_vocab(with_added_tokens=False).items()}
    for _ in range(2):
        assert {token: table.bytes_of(token) for token in spelled} == spelled
        assert table.bytes_of(tokenizer.end_of_text) is None
    assert [tokenizer.token_bytes(token) for token in (-1, tokenizer.vocabulary_size, 2**40)] == [None] * 3


def test_ids_that_are_not_in_use_have_no_bytes() -> None:
    backend = Backend(models.WordLevel({"a": 0, "b": 5}, unk_token="a"))
    backend.decoder = decoders.ByteLevel()
    tokenizer = Tokenizer(TokenizerParts(backend, 0, ()))
    assert tokenizer.vocabulary_size == 6
    assert [tokenizer.token_bytes(token) for token in range(6)] == [b"a", None, None, None, None, b"b"]


def test_a_token_outside_the_alphabet_is_its_own_text() -> None:
    """As `tokenizers` decodes it; some vocabularies of others have such tokens, and are loaded all the same."""
    backend = Backend(models.WordLevel({"a b": 0, "龘x": 1, "æĪĳ": 2}, unk_token="a b"))
    backend.decoder = decoders.ByteLevel()
    tokenizer = Tokenizer(TokenizerParts(backend, 0, ()))
    assert [tokenizer.token_bytes(token) for token in range(3)] == [text.encode() for text in ("a b", "龘x", "我")]
    assert tokenizer.decode([1, 2, 0]) == backend.decode([1, 2, 0])


def test_a_tokenizer_of_another_kind_has_no_table() -> None:
    assert ByteTable.of(Backend(models.WordLevel({"a": 0}, unk_token="a"))) is None
    with pytest.raises(ValueError, match="not in the byte-level alphabet"):
        from_byte_level("a b")
