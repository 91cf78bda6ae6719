"""A text as the set of its character n-grams, and how alike two such sets are."""

from __future__ import annotations

import re
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Hashes: TypeAlias = NDArray[np.uint64]

_NOT_LETTERS = re.compile(r"[\W_]+")
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def ngram_hashes(text: str, size: int) -> Hashes:
    """The different n-grams of `size` characters in `text`, as sorted 64-bit hashes.

    White space, punctuation and symbols do not count: only letters (hanzi among them) and digits do. A text with fewer
    than `size` of these has no n-gram.

    Chinese has no spaces, so n-grams of characters take the place of the n-grams of words that are usual for English.
    Two n-grams of a pair of texts share a hash with a chance of about n² / 2^64, which is 5 in a million million for
    ten thousand n-grams.
    """
    letters = _NOT_LETTERS.sub("", text)
    characters = np.frombuffer(letters.encode("utf-32-le"), dtype="<u4").astype(np.uint64)
    count = len(characters) - size + 1
    if count < 1:
        return np.empty(0, np.uint64)
    hashes = characters[:count].copy()
    for place in range(1, size):
        hashes *= _GOLDEN
        hashes += characters[place : place + count]
    # Mixed once at the end: the sums alone are as different as the n-grams, but in an order that MinHash must not see.
    return np.unique(_mixed(hashes))


def fold_rows(rows: NDArray[np.uint64]) -> Hashes:
    """One hash for each row; rows with different numbers have different hashes, but for chance."""
    folded = np.zeros(rows.shape[0], np.uint64)
    for column in range(rows.shape[1]):
        folded = _mixed(folded * _GOLDEN + rows[:, column])
    return folded


def jaccard(one: Hashes, other: Hashes) -> float:
    """The share of all n-grams of the two texts that both have: 1 for equal sets, 0 where either is empty."""
    if not len(one) or not len(other):
        return 0.0
    both = len(np.intersect1d(one, other, assume_unique=True))
    return both / (len(one) + len(other) - both)


def _mixed(values: Hashes) -> Hashes:
    """Every bit of the result depends on every bit of the value: the finaliser of SplitMix64 (Steele et al. 2014).

    Sums and products alone keep the order of their inputs, and MinHash over such numbers sees likeness where there is
    none.
    """
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
