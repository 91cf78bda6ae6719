"""One tokenizer for each builtin vocabulary, built once."""

from __future__ import annotations

import pytest
from vocabulary_corpus import BUILDERS, build

from zaoju.tokenization import Tokenizer


@pytest.fixture(scope="session")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tokenizer]:
    return {name: build(tmp_path_factory.mktemp(name), name) for name in BUILDERS}
