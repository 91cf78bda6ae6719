"""The nuclei of rows on a CPU, without the exact probability of every token of the vocabulary.

The probabilities of all tokens matter through their sum alone. Float32 gives it well enough to find the set, unless the
mass reaches the share just where that sum is in doubt; only then it is computed in float64.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch

from zaoju_builtin.decoding.transforms.host_rows import WIDE, Ids, first_ids, first_of_rows, keep_tokens, keep_where

_SHORT_LIST = 1024
_ROWS = 4
"""Of so many rows the weights of a large vocabulary stay in a processor's cache."""

_ROUGH = 4e-6
"""How far a sum of all weights in float32 may be from the true one, as a share of it; it is about 2e-7 in fact."""

_FINE = 1e-11
"""The same in float64."""


def keep_nuclei(logits: torch.Tensor, shares: Sequence[float]) -> torch.Tensor:
    """`logits` [N, V] float32 of the most probable tokens that together hold the share of a row; the others are -inf.

    They are taken by falling probability in float64, the lower id first among equals, while the mass before them is
    below the share; the first always is. A share of 1 takes all.
    """
    if logits.shape[1] >= WIDE:
        return keep_tokens(logits, _nuclei(logits, shares))
    probabilities = logits.double().softmax(dim=1)
    ordered, mass = _by_rank(probabilities)
    share = np.array(shares)
    # Before the first token the mass is 0, and the first is in whatever the share is.
    count = 1 + (mass[:, :-1] < share[:, None]).sum(axis=1)
    kept = first_of_rows(probabilities.numpy(), ordered[np.arange(len(count)), count - 1], count)
    kept[share >= 1] = True
    return keep_where(logits, kept)


def _nuclei(logits: torch.Tensor, shares: Sequence[float]) -> Iterator[Ids | None]:
    """For each row the ids of the tokens that stay; None for all of them."""
    for start in range(0, len(shares), _ROWS):
        rows, own = logits[start : start + _ROWS], shares[start : start + _ROWS]
        top = rows.amax(dim=1, keepdim=True)
        weights = (rows - top).exp_()
        totals = weights.sum(dim=1).tolist()
        for row, rough, largest, total, share in zip(
            rows, weights.numpy(), top.flatten().tolist(), totals, own, strict=True
        ):
            if share >= 1:
                yield None
            else:
                found = _nucleus(row, rough, largest, total, share)
                yield _exact_nucleus(row, share) if found is None else found


def _nucleus(row: torch.Tensor, rough: npt.NDArray[np.float32], top: float, total: float, share: float) -> Ids | None:
    """None where the mass of some of the tokens is the share, as nearly as can be told."""
    ids, weights = _leaders(row, rough, top, total, share)
    ordered, mass = _by_rank(torch.from_numpy(weights))
    for doubt in (_ROUGH, _FINE):
        if doubt == _FINE:
            total = float((row.double() - top).exp_().sum())
        least, most = np.searchsorted(mass, [share * total * (1 - doubt), share * total * (1 + doubt)]).tolist()
        if least == most < len(mass):
            return ids[first_ids(weights, ordered[least], least + 1)]
    return None


def _leaders(
    row: torch.Tensor, rough: npt.NDArray[np.float32], top: float, total: float, share: float
) -> tuple[Ids, npt.NDArray[np.float64]]:
    """Tokens that hold the share, every one that is as probable as the last of them included, and their weights."""
    logits = row.numpy()
    # What lies below the first floor has little mass where the model is sure, and below the second always.
    for floor in ((1 - share) * total / _SHORT_LIST, (1 - share) * total / (2 * len(rough))):
        ids = np.flatnonzero(rough >= floor)
        weights = np.exp(logits[ids].astype(np.float64) - top)
        if weights.sum() >= share * total * (1 + _ROUGH):
            break
    return ids, weights


def _exact_nucleus(row: torch.Tensor, share: float) -> Ids:
    probabilities = row.double().softmax(dim=0)
    ordered, mass = _by_rank(probabilities)
    count = 1 + int(np.searchsorted(mass[:-1], share))
    return first_ids(probabilities.numpy(), ordered[count - 1], count)


def _by_rank(weights: torch.Tensor) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The weights in falling order, and their running sum, along the last dimension."""
    ordered = np.sort(weights.numpy(), axis=-1)[..., ::-1].copy()
    # NumPy's own running sum is slower.
    return ordered, torch.from_numpy(ordered).cumsum(dim=-1).numpy()
