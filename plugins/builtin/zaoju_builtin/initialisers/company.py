"""Vectors of tokens from the company that they keep: which tokens stand near them in a corpus.

Positive pointwise mutual information of neighbours, and its truncated singular value decomposition: on corpora of some
megabytes as good as what networks learn (Levy, Goldberg and Dagan, 2015, "Improving Distributional Similarity with
Lessons Learned from Word Embeddings"), and the same every time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

_BLOCK = 1 << 20
_SMOOTHING = 0.75
"""The power of the contexts' frequencies: rare contexts would count too much without it (Levy et al., 2015)."""

_SPARE = 8
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Company:
    """How often tokens stand near each other: `counts[i]` times `others[i]` near `tokens[i]`, each pair once."""

    tokens: NDArray[np.int64]
    others: NDArray[np.int64]
    counts: NDArray[np.float64]
    frequencies: NDArray[np.int64]
    """How often each token stands in the corpus, by its id."""


def company_in(documents: Iterable[Sequence[int]], size: int, window: int, most: int) -> Company:
    """What stands at most `window` apart in one document, of the first `most` tokens, all below `size`.

    Memory grows with the number of different pairs.
    """
    keys, counts = np.empty(0, np.int64), np.empty(0, np.float64)
    frequencies = np.zeros(size, np.int64)
    for block in _blocks(documents, window, most):
        found = []
        for distance in range(1, window + 1):
            left, right = block[:-distance], block[distance:]
            whole = (left >= 0) & (right >= 0)
            found.append(left[whole] * size + right[whole])
        new, times = np.unique(np.concatenate(found), return_counts=True)
        keys, counts = _added(np.concatenate([keys, new]), np.concatenate([counts, times]))
        frequencies += np.bincount(block[block >= 0], minlength=size)
    left, right = np.divmod(keys, size)
    keys, counts = _added(np.concatenate([keys, right * size + left]), np.concatenate([counts, counts]))
    return Company(*np.divmod(keys, size), counts, frequencies)


def _blocks(documents: Iterable[Sequence[int]], window: int, most: int) -> Iterator[NDArray[np.int64]]:
    """The tokens one after another, with gaps of -1 between documents, in pieces of about a million."""
    gap = [-1] * window
    block: list[int] = []
    left = most
    for ids in documents:
        block += [*ids[:left], *gap]
        left -= len(ids)
        if len(block) >= _BLOCK or left <= 0:
            yield np.array(block, np.int64)
            block = []
        if left <= 0:
            return
    if block:
        yield np.array(block, np.int64)


def _added(keys: NDArray[np.int64], counts: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Every key once, in order, with the sum of its counts."""
    unique, places = np.unique(keys, return_inverse=True)
    return unique, np.bincount(places, counts, len(unique)).astype(np.float64)


def vectors(company: Company, width: int, seed: int) -> torch.Tensor:
    """[tokens, at most width] float32 of length 1, a row for each token; zeros for one that keeps no company."""
    size = len(company.frequencies)
    weights = _mutual_information(company)
    kept = weights > 0
    places = torch.from_numpy(np.stack([company.tokens[kept], company.others[kept]]))
    matrix = torch.sparse_coo_tensor(
        places, torch.from_numpy(weights[kept].astype(np.float32)), (size, size), check_invariants=True
    )
    left, values = _decomposed(matrix.coalesce(), min(width, size), seed)
    return torch.nn.functional.normalize(left * values.sqrt(), dim=1)


def _mutual_information(company: Company) -> NDArray[np.float64]:
    """Of each pair, in nats."""
    size = len(company.frequencies)
    tokens = np.bincount(company.tokens, company.counts, size)
    others = np.bincount(company.others, company.counts, size) ** _SMOOTHING
    expected = tokens[company.tokens] * others[company.others] / others.sum()
    information: NDArray[np.float64] = np.log(company.counts / expected)
    return information


def _decomposed(matrix: torch.Tensor, rank: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """[size, rank] left singular vectors and [rank] singular values, by subspace iteration from random vectors.

    Halko, Martinsson and Tropp, 2011, "Finding Structure with Randomness".
    """
    generator = torch.Generator().manual_seed(seed)
    size = matrix.shape[1]
    basis = torch.randn(size, min(rank + _SPARE, size), generator=generator)
    other = matrix.t().coalesce()
    for _ in range(_ROUNDS):
        basis = torch.linalg.qr(torch.sparse.mm(matrix, basis)).Q
        basis = torch.linalg.qr(torch.sparse.mm(other, basis)).Q
    left, values, _ = torch.linalg.svd(torch.sparse.mm(matrix, basis), full_matrices=False)
    return left[:, :rank], values[:rank]
