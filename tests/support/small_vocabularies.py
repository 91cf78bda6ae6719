"""Small tokenizers of zaoju's own kinds, and small models for them."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import models, trainers

from zaoju import Tokenizer
from zaoju.generation.token_table import TokenizerTable
from zaoju.models import GPT2, GPT2Config
from zaoju.tokenization import byte_alphabet, byte_level_tokenizer, unigram_tokenizer
from zaoju.tokenization.parts import with_end_of_text

_WORDS = (
    "我",
    "你",
    "他",
    "我们",
    "你们",
    "春",
    "春天",
    "天",
    "来",
    "了",
    "花",
    "开",
    "，",
    "。",
    '{"',
    '":',
    '", "',
    "ab",
)
_TEXT = ("我们想春天来了，花都开了。你们看！", '{"名": "小明", "岁": 12}', "春江潮水连海平，海上明月共潮生。") * 3


def table_of(tokenizer: Tokenizer, padding: int = 0) -> TokenizerTable:
    """What components of decoding see of a tokenizer, where the model has `padding` more rows."""
    return TokenizerTable(tokenizer, tokenizer.vocabulary_size + padding)


def word_tokenizer() -> Tokenizer:
    """Some words and characters; every other character is two to four tokens of one byte."""
    return Tokenizer(with_end_of_text(unigram_tokenizer(dict.fromkeys(_WORDS, -5.0)), None))


def pair_tokenizer() -> Tokenizer:
    """Byte-pair encoding, of which many tokens are parts of characters."""
    backend = byte_level_tokenizer(models.BPE(), runs=True)
    trainer = trainers.BpeTrainer(
        vocab_size=330, initial_alphabet=list(byte_alphabet()), show_progress=False, min_frequency=2
    )
    backend.train_from_iterator(_TEXT, trainer)
    return Tokenizer(with_end_of_text(backend, None))


def save_small_model(folder: Path, tokenizer: Tokenizer) -> GPT2:
    """Leaves a GPT-2 of two layers with its tokenizer in `folder`: random, but far from uniform."""
    numbers = GPT2Config(
        vocab_size=tokenizer.vocabulary_size,
        n_positions=64,
        n_embd=24,
        n_layer=2,
        n_head=2,
        initializer_range=0.3,
    )
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = GPT2(numbers).eval()
    model.save(folder)
    tokenizer.save(folder)
    return model
