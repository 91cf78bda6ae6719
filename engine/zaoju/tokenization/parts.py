"""What a tokenizer consists of, whatever folder it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tokenizers import AddedToken
from tokenizers import Tokenizer as Backend

from zaoju.tokenization.byte_level import END_OF_TEXT

if TYPE_CHECKING:
    from zaoju.plugins import ResolvedComponent

PORTABLE_SETTINGS: Mapping[str, object] = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "bos_token": END_OF_TEXT,
    "eos_token": END_OF_TEXT,
    # A text that contains the literal string stays plain text in transformers too.
    "split_special_tokens": True,
    "clean_up_tokenization_spaces": False,
}


@dataclass(frozen=True, slots=True)
class TokenizerParts:
    """The parts of a `Tokenizer`: what is written to a folder, and read back."""

    backend: Backend
    """The vocabulary and its algorithm."""

    end_of_text: int
    """The id of the token that ends a text."""

    beginning: tuple[int, ...]
    """The ids that start a text."""

    segmenter: ResolvedComponent | None = None
    """What cuts the text before the backend sees it; None for a portable tokenizer."""

    settings: Mapping[str, object] = field(default_factory=lambda: PORTABLE_SETTINGS)
    """What `tokenizer_config.json` says to transformers."""


def with_end_of_text(backend: Backend, segmenter: ResolvedComponent | None) -> TokenizerParts:
    """The parts around a newly built vocabulary: adds `<|endoftext|>`, which both ends and starts a text."""
    backend.add_special_tokens([AddedToken(END_OF_TEXT, special=True, normalized=False)])
    end_of_text = backend.get_vocab(with_added_tokens=True)[END_OF_TEXT]
    return TokenizerParts(backend, end_of_text, (end_of_text,), segmenter)
