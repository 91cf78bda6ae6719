"""Vocabularies whose tokens are words, characters, or parts of characters."""

from __future__ import annotations

import pytest

from support.small_vocabularies import pair_tokenizer, table_of, word_tokenizer
from zaoju import TokenTable


@pytest.fixture(scope="session", params=["words", "pairs", "words, padded"])
def table(request: pytest.FixtureRequest) -> TokenTable:
    tokenizer = pair_tokenizer() if request.param == "pairs" else word_tokenizer()
    return table_of(tokenizer, 37 if request.param == "words, padded" else 0)
