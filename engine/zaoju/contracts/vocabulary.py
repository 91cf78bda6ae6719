"""The contract of a vocabulary builder: segmented documents in, a tokenizer out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Generic

from zaoju.contracts.options import OptionsT_co

if TYPE_CHECKING:
    import tokenizers

PieceStream = Callable[[], Iterator[list[str]]]
"""Each call starts a new pass over the documents; each document is the list of its pieces, losslessly."""


class VocabularyBuilder(ABC, Generic[OptionsT_co]):
    """Builds a tokenizer from segmented documents.

    The tokenizer must be lossless: `decode(encode(text)) == text` for every string of Unicode scalar values. The
    builtins reach that with the byte-level alphabet of GPT-2: `zaoju.tokenization.byte_level` has the parts. Tokens
    must not cross pieces. Special tokens are not the builder's work: the engine adds the end-of-text token.
    """

    def __init__(self, options: OptionsT_co) -> None:
        self.options = options

    @abstractmethod
    def build(self, documents: PieceStream) -> tokenizers.Tokenizer:
        """A tokenizer learned from `documents`.

        Raises `UserError` where the documents or the options cannot give one.
        """
