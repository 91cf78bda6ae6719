"""The segmenter's most frequent words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zaoju import UserError, VocabularyBuilder
from zaoju.contracts import PieceStream
from zaoju.tokenization import places_taken, room_for_words, unigram_tokenizer
from zaoju_builtin.vocabularies.counting import (
    by_frequency,
    count_characters,
    count_pieces,
    covering_characters,
    first_that_fit,
    token_counts,
)
from zaoju_builtin.vocabularies.options import WordOptions
from zaoju_builtin.vocabularies.scores import log_frequencies

if TYPE_CHECKING:
    import tokenizers


class WordVocabulary(VocabularyBuilder[WordOptions]):
    """The characters that cover the text, and the most frequent words in the places that are left.

    The tokenizer looks for the most probable words, so it cuts much as the segmenter did, without needing it: jieba's
    own cut is the most probable path over its dictionary. A word that is not in the vocabulary becomes characters.
    """

    def build(self, documents: PieceStream) -> tokenizers.Tokenizer:
        pieces = count_pieces(documents)
        characters = covering_characters(count_characters(documents), self.options.coverage)
        needed = places_taken(characters)
        room = room_for_words(self.options.size) - needed
        if room < 1:
            raise UserError(
                f"a vocabulary of {self.options.size:,} tokens has no place for words: 256 bytes, end-of-text and the "
                f"{needed:,} characters that cover {self.options.coverage:.4%} of this text need {257 + needed:,}; "
                f"set a size above {257 + needed:,}, or a lower coverage"
            )
        longer = [piece for piece in by_frequency(pieces) if len(piece) > 1]
        vocabulary = characters + first_that_fit(longer, room)
        counts = token_counts(pieces, frozenset(vocabulary))
        return unigram_tokenizer(log_frequencies(vocabulary, counts))
