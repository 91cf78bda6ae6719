"""The tokens of a model as components of decoding see them."""

from __future__ import annotations

from functools import cached_property

from zaoju.contracts import TokenTable
from zaoju.tokenization import Tokenizer


class TokenizerTable(TokenTable):
    """A tokenizer together with the width of the logits that it is used with."""

    def __init__(self, tokenizer: Tokenizer, size: int) -> None:
        self._tokenizer = tokenizer
        self.size = size
        self.end_of_text = tokenizer.end_of_text
        self.byte_level = tokenizer.byte_level

    @cached_property
    def fingerprint(self) -> str:  # type: ignore[override]  # costs a look at the whole vocabulary, and few ask
        return self._tokenizer.fingerprint

    def bytes_of(self, token: int) -> bytes | None:
        return self._tokenizer.token_bytes(token)

    def encode(self, text: str) -> list[int]:
        return self._tokenizer.encode(text)
