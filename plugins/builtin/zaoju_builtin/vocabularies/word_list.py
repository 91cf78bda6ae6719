"""The words of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zaoju import VocabularyBuilder
from zaoju.contracts import PieceStream
from zaoju.tokenization import raise_unseen, read_words, unigram_tokenizer
from zaoju_builtin.vocabularies.counting import count_characters, count_pieces, covering_characters, token_counts
from zaoju_builtin.vocabularies.options import WordListOptions
from zaoju_builtin.vocabularies.scores import log_frequencies

if TYPE_CHECKING:
    import tokenizers


class WordListVocabulary(VocabularyBuilder[WordListOptions]):
    """Every word of the list is a token, and so is every character that covers the text.

    A word's probability is its share of the segmenter's pieces. A word that the segmenter never gave is made a little
    more probable than its parts, so it is one token wherever it stands.
    """

    def build(self, documents: PieceStream) -> tokenizers.Tokenizer:
        words = dict.fromkeys(read_words(self.options.path))
        pieces = count_pieces(documents)
        characters = covering_characters(count_characters(documents), self.options.coverage)
        vocabulary = dict.fromkeys([*characters, *words])
        counts = token_counts(pieces, frozenset(vocabulary))
        scores = log_frequencies(vocabulary, counts)
        raise_unseen(scores, (word for word in words if word not in counts and len(word) > 1))
        return unigram_tokenizer(scores)
