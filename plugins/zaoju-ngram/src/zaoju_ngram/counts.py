"""Which n-grams a corpus has, and how often.

The n-grams of length k are numbered in the order of their *keys*: the number of the first k - 1 tokens, as an n-gram of
that length, times the size of the vocabulary, plus the last token. So the keys of one length are a sorted array, what
may follow a context is one stretch of it, and an n-gram is found by one binary search after another. A token is its own
number as an n-gram of length 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


BYTES_PER_TOKEN = 64
"""About how much memory counting takes at its peak, for each token of the corpus."""


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """The n-grams of one length."""

    length: int
    keys: Integers
    """In rising order. Shape [n-grams]."""

    counts: Integers
    """How often each occurs where its last token is to be learned: 0 for one that is a context only."""

    suffixes: Integers
    """The number of each without its first token, as an n-gram of the length below."""

    begins_text: npt.NDArray[np.bool_]
    """Whether the first token is the one before a text, before which nothing can stand."""


def count_ngrams(
    tokens: npt.NDArray[np.uint16] | npt.NDArray[np.uint32],
    end_of_text: int,
    vocabulary_size: int,
    order: int,
    learned: npt.NDArray[np.bool_] | None = None,
) -> Iterator[Counted]:
    """The n-grams of length 2 to `order` in packed tokens, in which `end_of_text` stands after every document.

    The same token stands before the first token of every document, as it does when a model reads or writes one. No
    n-gram reaches from one document into another. Ends early where no document is long enough.

    `learned` says which tokens a model is to predict, such as those of answers; all are where it is None. The others
    are read as contexts: their n-grams are there, and count nothing.
    """
    weights = None if learned is None else np.concatenate([[False], learned])
    stream = np.concatenate([[end_of_text], tokens]).astype(np.int64)
    depth = _since_beginning(stream == end_of_text)
    numbers = stream
    for length in range(2, order + 1):
        ends = np.flatnonzero(depth >= length - 1)
        if not len(ends):
            return
        keys = numbers[ends - 1] * vocabulary_size + stream[ends]
        distinct, first, inverse, counts = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
        yield Counted(
            length=length,
            keys=distinct,
            counts=counts.astype(np.int64) if weights is None else _counts_of(inverse, weights[ends], len(distinct)),
            suffixes=numbers[ends[first]],
            begins_text=depth[ends[first]] == length - 1,
        )
        numbers = np.full(len(stream), -1, dtype=np.int64)
        numbers[ends] = inverse


def _counts_of(numbers: Integers, learned: npt.NDArray[np.bool_], distinct: int) -> Integers:
    """How often each of `distinct` n-grams occurs among `numbers`, where that is learned."""
    return np.bincount(numbers[learned], minlength=distinct).astype(np.int64)


def _since_beginning(is_end: npt.NDArray[np.bool_]) -> Integers:
    """How many tokens before each token belong to its text, the end-of-text token before it included."""
    places = np.arange(len(is_end))
    last = np.maximum.accumulate(np.where(is_end, places, 0))
    depth = np.zeros(len(is_end), dtype=np.int64)
    depth[1:] = places[1:] - last[:-1]
    return depth
