"""The segmenter's cut without the segmenter."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from zaoju import VocabularyBuilder
from zaoju.contracts import PieceStream
from zaoju.tokenization import room_for_words, unigram_tokenizer
from zaoju_builtin.vocabularies.counting import by_frequency, count_pieces, first_that_fit, no_text, token_counts
from zaoju_builtin.vocabularies.options import PortableOptions
from zaoju_builtin.vocabularies.scores import log_frequencies

if TYPE_CHECKING:
    import tokenizers


class PortableVocabulary(VocabularyBuilder[PortableOptions]):
    """Characters and words compete for each place by how often they occur; the tokenizer finds the most probable cut.

    A character that was seen twice says less than a word that was seen twenty times, and costs the same row of the
    model. `words` gives every character of its `coverage` a place first; here the text decides, and what finds no
    place is written as bytes. Everything else is as in `words`: the scores are log-frequencies in the segmenter's cut
    (a unigram model, Kudo 2018), so the cut follows the segmenter's and needs neither it nor its dictionary.
    """

    def build(self, documents: PieceStream) -> tokenizers.Tokenizer:
        pieces = count_pieces(documents)
        if not pieces:
            raise no_text()
        candidates = {piece: count for piece, count in pieces.items() if len(piece) > 1}
        candidates.update(_characters(pieces))
        vocabulary = first_that_fit(by_frequency(candidates), room_for_words(self.options.size))
        return unigram_tokenizer(log_frequencies(vocabulary, token_counts(pieces, frozenset(vocabulary))))


def _characters(pieces: Counter[str]) -> Counter[str]:
    """How often each character occurs, alone or within a longer piece."""
    counts: Counter[str] = Counter()
    for piece, count in pieces.items():
        for character in piece:
            counts[character] += count
    return counts
