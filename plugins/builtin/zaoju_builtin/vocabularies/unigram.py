"""A unigram language model over subwords."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tokenizers import Tokenizer, models, trainers

from zaoju import VocabularyBuilder
from zaoju.contracts import PieceStream
from zaoju.tokenization import places_taken, room_for_words, run_splitter, unigram_tokenizer
from zaoju_builtin.vocabularies.counting import count_characters, covering_characters, first_that_fit, known_parts
from zaoju_builtin.vocabularies.options import UnigramOptions

if TYPE_CHECKING:
    import tokenizers

_DECIMALS = 4
_TRAINERS_PENALTY = 1e-4


class UnigramVocabulary(VocabularyBuilder[UnigramOptions]):
    """Starts from all frequent substrings and drops those that the text misses least (Kudo 2018, SentencePiece).

    It learns characters, not bytes; characters that are too rare for a token of their own are written as bytes. Tokens
    never cross the segmenter's pieces, nor a change between Han, letters, digits, white space and signs. The trainer
    takes a string as a candidate only where two different pieces have it, so it learns most with the segmenter `none`.
    """

    def build(self, documents: PieceStream) -> tokenizers.Tokenizer:
        counts = count_characters(documents)
        room = room_for_words(self.options.size)
        characters = first_that_fit(covering_characters(counts, self.options.coverage), room // 2)
        free = len(characters) - places_taken(characters)
        learned = _train(documents, frozenset(characters), room + free)
        return unigram_tokenizer(_settle(learned, len(characters)))


def _train(documents: PieceStream, characters: frozenset[str], size: int) -> dict[str, float]:
    """Up to `size` pieces of text with their log-probabilities."""
    learner = Tokenizer(models.Unigram())
    learner.pre_tokenizer = run_splitter()
    trainer = trainers.UnigramTrainer(vocab_size=size, unk_token=None, show_progress=False)
    learner.train_from_iterator(known_parts(documents, characters), trainer)
    return dict(json.loads(learner.to_str())["model"]["vocab"])


def _settle(learned: Mapping[str, float], characters: int) -> dict[str, float]:
    """The scores without what changes from run to run, so that one corpus gives one tokenizer.

    The trainer adds up in the order of a hash table, and gives characters that it had dropped the lowest score of all
    plus a ten-thousandth for each one before, again in that order. Those get the lowest score, and all are rounded.
    """
    lowest = min(learned.values())
    limit = lowest + _TRAINERS_PENALTY * (characters + 1)
    settled = {piece: lowest if len(piece) == 1 and score <= limit else score for piece, score in learned.items()}
    return {piece: round(score, _DECIMALS) for piece, score in settled.items()}
