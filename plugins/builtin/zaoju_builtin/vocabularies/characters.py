"""One token a character."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zaoju import VocabularyBuilder
from zaoju.contracts import PieceStream
from zaoju.tokenization import room_for_words, unigram_tokenizer
from zaoju_builtin.vocabularies.counting import by_frequency, count_characters, first_that_fit
from zaoju_builtin.vocabularies.options import CharacterOptions
from zaoju_builtin.vocabularies.scores import log_frequencies

if TYPE_CHECKING:
    import tokenizers


class CharacterVocabulary(VocabularyBuilder[CharacterOptions]):
    """Every character is a token, and the rarest are bytes where `size` leaves no room for them.

    Words do not matter, so any segmenter gives the same tokens.
    """

    def build(self, documents: PieceStream) -> tokenizers.Tokenizer:
        counts = count_characters(documents)
        characters = by_frequency(counts)
        if self.options.size is not None:
            characters = first_that_fit(characters, room_for_words(self.options.size))
        return unigram_tokenizer(log_frequencies(characters, counts))
