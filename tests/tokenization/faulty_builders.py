"""Vocabulary builders with the mistakes that the engine must find before anything is trained."""

from __future__ import annotations

from tokenizers import Tokenizer, models

from zaoju import Options, VocabularyBuilder
from zaoju.contracts import PieceStream
from zaoju.tokenization import END_OF_TEXT, byte_alphabet, byte_level_tokenizer


class UnknownWords(VocabularyBuilder[Options]):
    """Every word that is not in the vocabulary is lost."""

    def build(self, documents: PieceStream) -> Tokenizer:
        return Tokenizer(models.WordLevel({"[UNK]": 0, "我": 1}, unk_token="[UNK]"))


class LearnsEndOfText(VocabularyBuilder[Options]):
    """The engine's special token is an ordinary token here."""

    def build(self, documents: PieceStream) -> Tokenizer:
        tokens = [*byte_alphabet(), END_OF_TEXT]
        return byte_level_tokenizer(models.Unigram([(token, -1.0) for token in tokens]), runs=False)
