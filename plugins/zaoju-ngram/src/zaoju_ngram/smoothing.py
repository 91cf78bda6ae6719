"""From counts to probabilities: interpolated modified Kneser-Ney smoothing.

Chen and Goodman, "An Empirical Study of Smoothing Techniques for Language Modeling", 1998 (TR-10-98, Harvard), with the
count of a lower order being how many different tokens stand before the n-gram, as by Kneser and Ney, 1995. N-grams that
begin a text keep their plain count, as nothing stands before them: so do SRILM and KenLM.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from zaoju_ngram.counts import Counted
from zaoju_ngram.model import Level, NgramModel

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_CLASSES = 3
"""Counts of 1, of 2, and of 3 and more are discounted differently."""

_FALLBACK = np.array([0.5, 1.0, 1.5])
"""Discounts where a corpus is too small to estimate them; KenLM's."""


def smooth(counted: Sequence[Counted], vocabulary_size: int) -> NgramModel:
    """The model of these counts, which are of the lengths 2, 3 and so on.

    Every token has a probability above 0 after every context: the shortest order is mixed with equal chances for all.
    """
    adjusted = [_adjusted(lower, upper) for lower, upper in pairwise(counted)]
    adjusted.append(counted[-1].counts)
    before = np.bincount(counted[0].keys[counted[0].counts > 0] % vocabulary_size, minlength=vocabulary_size)
    shares, rest = _discounted(before, np.zeros(vocabulary_size, dtype=np.int64), 1)
    base = shares + rest[0] / vocabulary_size
    levels = []
    below = vocabulary_size
    for level, counts in zip(counted, adjusted, strict=True):
        shares, rest = _discounted(counts, level.keys // vocabulary_size, below)
        levels.append(Level(level.keys, shares.astype(np.float32), rest.astype(np.float32)))
        below = len(level.keys)
    return NgramModel(base.astype(np.float32), tuple(levels))


def _adjusted(lower: Counted, upper: Counted) -> Integers:
    """How many different tokens stand before each n-gram of `lower`; the plain count where it begins a text."""
    before = np.bincount(upper.suffixes[upper.counts > 0], minlength=len(lower.keys))
    return np.where(lower.begins_text, lower.counts, before)


def _discounted(counts: Integers, contexts: Integers, number_of_contexts: int) -> tuple[Floats, Floats]:
    """The share of each n-gram after its context, and what is left there for shorter contexts: 1 where none follows."""
    discounts = _discounts(counts)
    classes = np.minimum(counts, _CLASSES)
    totals = np.bincount(contexts, counts, number_of_contexts)
    taken = np.where(counts > 0, discounts[np.maximum(classes, 1) - 1], 0.0)
    known = totals > 0
    rest = np.ones(number_of_contexts)
    np.divide(np.bincount(contexts, taken, number_of_contexts), totals, out=rest, where=known)
    shares = np.divide(counts - taken, totals[contexts], out=np.zeros(len(counts)), where=known[contexts])
    return shares, rest


def _discounts(counts: Integers) -> Floats:
    """What is taken from a count of 1, of 2, and of 3 or more: Chen and Goodman's estimates, from counts of counts."""
    ones, twos, threes, fours = (int((counts == number).sum()) for number in range(1, 5))
    if not (ones and twos and threes):
        return _FALLBACK
    share = ones / (ones + 2 * twos)
    found = np.array([1 - 2 * share * twos / ones, 2 - 3 * share * threes / twos, 3 - 4 * share * fours / threes])
    # In odd corpora an estimate falls outside of what a count can give.
    sensible = (found > 0) & (found <= np.arange(1, _CLASSES + 1))
    return np.where(sensible, found, _FALLBACK)
