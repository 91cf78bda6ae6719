"""A tokenizer that is being extended: old tokens keep their ids, new ones follow after the last."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tokenizers import Tokenizer as Backend
from tokenizers import decoders

from zaoju.tokenization.byte_level import to_byte_level

NO_PLACE = "no place was left for it"


class Draft(ABC):
    """What the drafts of all kinds of vocabularies share.

    `raw` is the tokenizer's JSON, `ids` the id of every token as it is written there, `parts` the old tokens that each
    new one stands for, in the order of the new ids.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = _text_only(backend)
        self.raw: dict[str, Any] = json.loads(backend.to_str())
        self.ids: dict[str, int] = backend.get_vocab(with_added_tokens=True)
        self.first_new = max(self.ids.values()) + 1
        self.parts: list[tuple[int, ...]] = []
        self.byte_level = isinstance(backend.decoder, decoders.ByteLevel)
        self.added_tokens: Mapping[int, str] = {
            number: token.content for number, token in backend.get_added_tokens_decoder().items()
        }

    @abstractmethod
    def add_words(self, words: Sequence[str], size: int | None) -> dict[str, str]:
        """Make tokens of `words`, at most `size` new ones; the words for which that failed, and why."""

    @abstractmethod
    def learn(self, documents: Iterator[list[str]], size: int) -> None:
        """Make at most `size` new tokens of what is frequent in segmented documents."""

    @abstractmethod
    def write_model(self, model: dict[str, Any]) -> None:
        """Put the new tokens into the `model` of the tokenizer's JSON."""

    def build(self) -> Backend:
        """The tokenizer with all tokens so far. Tokens that stood beside the model, such as special ones, are put into
        it: their ids would move otherwise."""
        self.write_model(self.raw["model"])
        return _text_only(Backend.from_str(json.dumps(self.raw, ensure_ascii=False)))

    def spell(self, text: str) -> str:
        """`text` as the vocabulary writes it."""
        return to_byte_level(text) if self.byte_level else text

    def add(self, token: str, parts: Sequence[int]) -> None:
        """Give `token` the next id. Parts that are new themselves are replaced by theirs."""
        self.ids[token] = self.first_new + len(self.parts)
        self.parts.append(tuple(old for part in parts for old in self.old_parts(part)))

    def old_parts(self, token: int) -> tuple[int, ...]:
        """The old tokens that a token stands for: itself where it is old."""
        return (token,) if token < self.first_new else self.parts[token - self.first_new]

    def whole_before_the_model(self, word: str) -> str:
        """Why the model never sees `word` in one piece; empty where it does."""
        normalised = word if self.backend.normalizer is None else self.backend.normalizer.normalize_str(word)
        if self.backend.pre_tokenizer is None:
            return ""
        cut = [normalised[slice(*place)] for _, place in self.backend.pre_tokenizer.pre_tokenize_str(normalised)]
        return f"the tokenizer parts it first, into {'/'.join(cut)}" if len(cut) > 1 else ""


def _text_only(backend: Backend) -> Backend:
    """A copy for which text is always text."""
    copy = Backend.from_str(backend.to_str())
    copy.encode_special_tokens = True
    return copy
