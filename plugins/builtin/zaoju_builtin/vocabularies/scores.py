"""Log-probabilities for the tokens of a word vocabulary."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

_UNSEEN = 0.5
_AHEAD = math.log(2)


def log_frequencies(vocabulary: Iterable[str], counts: Mapping[str, int]) -> dict[str, float]:
    """The natural logarithm of each token's share of all tokens; a token that was never used counts as half a use."""
    total = sum(counts.values())
    return {token: math.log((counts.get(token) or _UNSEEN) / (total or 1)) for token in vocabulary}


def raise_unseen(scores: dict[str, float], unseen: Iterable[str]) -> None:
    """Raise the score of each unseen word above that of the best way to write it with other tokens.

    A word that a list asks for is then cut as one token, however frequent its parts are. It is the idea of jieba's
    `suggest_freq`. Shorter words come first, for they may be parts of longer ones.
    """
    longest = max(map(len, scores), default=0)
    for word in sorted(unseen, key=lambda word: (len(word), word)):
        scores[word] = max(scores[word], min(_best_split(word, scores, longest) + _AHEAD, 0.0))


def _best_split(word: str, scores: Mapping[str, float], longest: int) -> float:
    """The highest score of `word` written with at least two tokens; -inf where it cannot be."""
    best = [0.0] + [-math.inf] * len(word)
    for end in range(1, len(word) + 1):
        for start in range(max(0, end - longest), end):
            part = word[start:end]
            if part != word and part in scores:
                best[end] = max(best[end], best[start] + scores[part])
    return best[len(word)]
