"""Byte-pair encoding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenizers import models, trainers

from zaoju import VocabularyBuilder
from zaoju.contracts import PieceStream
from zaoju.tokenization import byte_alphabet, byte_level_tokenizer
from zaoju_builtin.vocabularies.options import BytePairOptions

if TYPE_CHECKING:
    import tokenizers


class BytePairVocabulary(VocabularyBuilder[BytePairOptions]):
    """Merges the most frequent pair, again and again (Sennrich et al. 2016), on bytes as in GPT-2.

    Merges never cross the segmenter's pieces, nor a change between Han, letters, digits, white space and signs. With
    the segmenter `none` only the latter holds, and common phrases become tokens too.
    """

    def build(self, documents: PieceStream) -> tokenizers.Tokenizer:
        tokenizer = byte_level_tokenizer(models.BPE(), runs=True)
        trainer = trainers.BpeTrainer(
            vocab_size=self.options.size - 1,
            min_frequency=self.options.min_frequency,
            initial_alphabet=list(byte_alphabet()),
            show_progress=False,
        )
        tokenizer.train_from_iterator(documents(), trainer)
        return tokenizer
