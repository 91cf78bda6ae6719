"""A real engine with a real tokenizer, over a runner without a model."""

from __future__ import annotations

from functools import cache

from zaoju.generation import Engine
from zaoju.plugins import PluginManager
from zaoju.testing.hash_runner import HashRunner
from zaoju.tokenization import Tokenizer, unigram_tokenizer
from zaoju.tokenization.parts import with_end_of_text

_CHARACTERS = (
    "我想你他在有人这中大来上国个到说们为子和地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天而能好"
)
_WORDS = ("我想", "我们", "自己", "。", "，", "再见")
_PADDING = 5
"""Rows of logits beyond the tokenizer, as models have that are padded for speed."""


def decoding_engine(*, context_length: int = 96, spread: float = 2.0, memory: int | None = None) -> Engine:
    """An engine whose logits are a hash of the tokens: equal in any batch, so what differs is the decoder's fault.

    The vocabulary has common Chinese characters, a few words, and every byte, so all texts can be written. `memory` and
    `spread` are those of `HashRunner`, which is the engine's `runner`. The plugins are those that are installed.
    """
    tokenizer = _tokenizer()
    runner = HashRunner(tokenizer.vocabulary_size + _PADDING, context_length, spread=spread, memory=memory)
    return Engine(runner, tokenizer, PluginManager.discover())


@cache
def _tokenizer() -> Tokenizer:
    """The same for all engines, as it never changes."""
    words = dict.fromkeys([*_CHARACTERS, *_WORDS], -5.0)
    return Tokenizer(with_end_of_text(unigram_tokenizer(words), None))
