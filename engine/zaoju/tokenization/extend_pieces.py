"""More tokens for vocabularies that are lists of pieces: Unigram and WordPiece."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from tokenizers import Tokenizer as Backend

from zaoju.errors import ArtefactError
from zaoju.tokenization.extend_draft import NO_PLACE, Draft
from zaoju.tokenization.word_list import best_split, raise_unseen

_LEAST_FREQUENCY = 2


class PieceDraft(Draft):
    """A vocabulary in which a token needs nothing but its own text. It learns the segmenter's most frequent pieces."""

    def add_words(self, words: Sequence[str], size: int | None) -> dict[str, str]:
        refused = {}
        before = len(self.parts)
        for word in words:
            reason = self._obstacle(word)
            if not reason and self.spell(word) not in self.ids:
                if size is not None and len(self.parts) - before >= size:
                    reason = NO_PLACE
                else:
                    self.add(self.spell(word), self.backend.encode(word, add_special_tokens=False).ids)
            if reason:
                refused[word] = reason
        return refused

    def learn(self, documents: Iterator[list[str]], size: int) -> None:
        counts = Counter(piece for pieces in documents for piece in pieces)
        self._learn_counts(counts)
        frequent = sorted(
            (piece for piece in counts if counts[piece] >= _LEAST_FREQUENCY), key=lambda p: (-counts[p], p)
        )
        self.add_words(frequent, size)

    def _obstacle(self, word: str) -> str:
        if not word or not self.backend.encode(word, add_special_tokens=False).ids:
            return "the tokenizer drops it before its vocabulary is asked"
        return self.whole_before_the_model(word)

    def _learn_counts(self, counts: Counter[str]) -> None:
        """Look at how often pieces are, before they are added."""


class UnigramDraft(PieceDraft):
    """A Unigram model (Kudo, 2018) that is being extended.

    A piece of a corpus gets the logarithm of its share of all tokens there. Whatever is new is raised above the best
    way to write it with other tokens, as jieba's `suggest_freq` does, and so is every old token that a new one would
    have put out of reach; all other scores stay.
    """

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self._scores: dict[str, float] = {token: float(score) for token, score in self.raw["model"]["vocab"]}
        self._shares: dict[str, float] = {}
        self._place_added_tokens()

    def write_model(self, model: dict[str, Any]) -> None:
        old = [token for token, number in sorted(self.ids.items(), key=_by_id) if number < self.first_new]
        new = [token for token, number in sorted(self.ids.items(), key=_by_id) if number >= self.first_new]
        longest = max(map(len, self._scores))
        found = [token for token in old if self._is_found(token, longest)]
        scores = {**self._scores, **{token: self._shares.get(token, -math.inf) for token in new}}
        raise_unseen(scores, new)
        # What no other tokens can write is found whatever its score is.
        lowest = min(self._scores.values())
        scores = {token: max(score, lowest) for token, score in scores.items()}
        hidden = [token for token in found if best_split(token, scores, longest) >= scores[token]]
        raise_unseen(scores, hidden)
        # Six decimals come back from a file as they were.
        model["vocab"] = [[token, round(scores[token], 6)] for token in (*old, *new)]

    def _is_found(self, token: str, longest: int) -> bool:
        text = len(token) > 1 and token not in self.added_tokens.values()
        return text and best_split(token, self._scores, longest) < self._scores[token]

    def _learn_counts(self, counts: Counter[str]) -> None:
        tokens = sum(
            count * len(self.backend.encode(piece, add_special_tokens=False).ids) for piece, count in counts.items()
        )
        self._shares = {self.spell(piece): math.log(count / tokens) for piece, count in counts.items()}

    def _place_added_tokens(self) -> None:
        """Tokens beside the model get a place in its list, where ids are places, and a score that is never the best."""
        lowest = min(self._scores.values())
        for number in range(len(self.raw["model"]["vocab"]), self.first_new):
            token = self.added_tokens.get(number)
            if token is None:
                raise ArtefactError(
                    f"this Unigram tokenizer has no token of id {number}, so no id can be added after it"
                )
            self._scores[token] = round((len(token.encode()) + 1) * min(lowest, -1.0) - 10, 6)


class WordPieceDraft(PieceDraft):
    """A WordPiece vocabulary that is being extended: the longest token comes first, so a new one is found as it is."""

    def write_model(self, model: dict[str, Any]) -> None:
        model["vocab"] = self.ids


def _by_id(item: tuple[str, int]) -> int:
    return item[1]
