"""A unigram language model over subwords."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain, repeat
from typing import TYPE_CHECKING

from tokenizers import Tokenizer, models, trainers

from zaoju import VocabularyBuilder
from zaoju.contracts import PieceStream
from zaoju.tokenization import LONGEST_RUN, places_taken, room_for_words, run_splitter, unigram_tokenizer
from zaoju_builtin.vocabularies.counting import covering_characters, first_that_fit, known_runs, no_text
from zaoju_builtin.vocabularies.options import UnigramOptions

if TYPE_CHECKING:
    import tokenizers

_DECIMALS = 4
_TRAINERS_PENALTY = 1e-4
_CACHED_PIECES = 1 << 16
_MARK = "\uffff"
"""Stands behind what the trainer is to take as a candidate; a code point that is no character, so texts do without."""

_LEAST_FREQUENCY = 2


class UnigramVocabulary(VocabularyBuilder[UnigramOptions]):
    """Starts from all frequent substrings and drops those that the text misses least (Kudo 2018, SentencePiece).

    It learns characters, not bytes; characters that are too rare for a token of their own are written as bytes. Tokens
    never cross the segmenter's pieces, nor a change between Han, letters, digits, white space and signs.
    """

    def build(self, documents: PieceStream) -> tokenizers.Tokenizer:
        runs = _count_runs(documents)
        counts = _count_inside(runs, lambda run: run)
        del counts[_MARK]
        if not counts:
            raise no_text()
        room = room_for_words(self.options.size)
        characters = first_that_fit(covering_characters(counts, self.options.coverage), room // 2)
        free = len(characters) - places_taken(characters)
        known = frozenset(characters)
        learned = _train(_count_inside(runs, lambda run: known_runs(run, known)), room + free)
        return unigram_tokenizer(_settle(learned, len(characters)))


def _count_inside(runs: Mapping[str, int], parts: Callable[[str], Iterable[str]]) -> Counter[str]:
    """How often each part of a run comes."""
    counts: Counter[str] = Counter()
    for run, count in runs.items():
        for part in parts(run):
            counts[part] += count
    return counts


def _count_runs(documents: PieceStream) -> Counter[str]:
    """How often each run of one kind of characters stands in the pieces."""
    splitter = run_splitter()

    def split(piece: str) -> list[str]:
        return [run for run, _ in splitter.pre_tokenize_str(piece)]

    remembered = lru_cache(_CACHED_PIECES)(split)
    counts: Counter[str] = Counter()
    for pieces in documents():
        for piece in pieces:
            counts.update(remembered(piece) if len(piece) <= LONGEST_RUN else split(piece))
    return counts


def _train(runs: Mapping[str, int], size: int) -> dict[str, float]:
    """Up to `size` pieces of text with their log-probabilities.

    The trainer takes a string as a candidate only where it stands in two places among the different runs, followed by
    different characters, however often a run itself comes. So every run that comes twice or more is written once more
    with a mark behind it; else the words of a segmenter would be no candidates, only what several of them share.
    """
    learner = Tokenizer(models.Unigram())
    trainer = trainers.UnigramTrainer(vocab_size=size + 1, unk_token=None, show_progress=False)
    again = (run + _MARK for run, count in runs.items() if count >= _LEAST_FREQUENCY)
    learner.train_from_iterator(chain(_repeated(runs), again), trainer)
    learned: dict[str, float] = dict(json.loads(learner.to_str())["model"]["vocab"])
    learned.pop(_MARK, None)
    return learned


def _repeated(runs: Mapping[str, int]) -> Iterator[str]:
    return chain.from_iterable(repeat(run, count) for run, count in runs.items())


def _settle(learned: Mapping[str, float], characters: int) -> dict[str, float]:
    """The scores without what changes from run to run, so that one corpus gives one tokenizer.

    The trainer adds up in the order of a hash table, and gives characters that it had dropped the lowest score of all
    plus a ten-thousandth for each one before, again in that order. Those get the lowest score, and all are rounded.
    """
    lowest = min(learned.values())
    limit = lowest + _TRAINERS_PENALTY * (characters + 1)
    settled = {piece: lowest if len(piece) == 1 and score <= limit else score for piece, score in learned.items()}
    return {piece: round(score, _DECIMALS) for piece, score in settled.items()}
