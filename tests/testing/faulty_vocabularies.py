"""Vocabulary builders with one planted fault each, and a sound one.

Not collected by itself, as its name says nothing of tests: `test_planted_faults.py` runs pytest on it.
"""

from __future__ import annotations

import random

from tokenizers import Tokenizer, models

from zaoju import Options, VocabularyBuilder
from zaoju.contracts import PieceStream
from zaoju.testing import VocabularyContract
from zaoju.tokenization import unigram_tokenizer


def characters_of(documents: PieceStream) -> dict[str, float]:
    return dict.fromkeys(sorted({one for pieces in documents() for piece in pieces for one in piece}), -3.0)


class SoundVocabulary(VocabularyBuilder[Options]):
    def build(self, documents: PieceStream) -> Tokenizer:
        return unigram_tokenizer(characters_of(documents))


class WithUnknown(VocabularyBuilder[Options]):
    def build(self, documents: PieceStream) -> Tokenizer:
        words = [("[UNK]", 0.0), *((one, score) for one, score in characters_of(documents).items())]
        return Tokenizer(models.Unigram(words, unk_id=0, byte_fallback=False))


class Learning(VocabularyBuilder[Options]):
    """Learns the special token from the text, as one who adds every piece does."""

    def build(self, documents: PieceStream) -> Tokenizer:
        tokenizer = unigram_tokenizer(characters_of(documents))
        tokenizer.add_tokens(["<|endoftext|>"])
        return tokenizer


class Shuffled(VocabularyBuilder[Options]):
    def build(self, documents: PieceStream) -> Tokenizer:
        return unigram_tokenizer({one: -random.random() for one in characters_of(documents)})


class Crossing(VocabularyBuilder[Options]):
    def build(self, documents: PieceStream) -> Tokenizer:
        pairs = {pieces[at] + pieces[at + 1]: -2.0 for pieces in documents() for at in range(len(pieces) - 1)}
        return unigram_tokenizer(characters_of(documents) | dict(sorted(pairs.items())))


class TestSoundVocabulary(VocabularyContract):
    make = SoundVocabulary


class TestWithUnknown(VocabularyContract):
    make = WithUnknown


class TestLearning(VocabularyContract):
    make = Learning


class TestShuffled(VocabularyContract):
    make = Shuffled


class TestCrossing(VocabularyContract):
    make = Crossing
