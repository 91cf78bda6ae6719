"""The nuclei of rows on a CPU, without the exact probability of every token of the vocabulary.

The probabilities of all tokens matter through their sum alone. Float32 gives it well enough to find the set, unless the
mass reaches the share just where that sum is in doubt; only then it is computed in float64.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch

from zaoju_builtin.decoding.transforms.host_rows import Ids, first_ids

_SHORT_LIST = 1024
_ROUGH = 4e-6
"""How far a sum of all weights in float32 may be from the true one, as a share of it; it is about 2e-7 in fact."""

_FINE = 1e-11
"""The same in float64."""


def nuclei(logits: torch.Tensor, shares: Sequence[float]) -> Iterator[Ids | None]:
    """For each row of `logits` [N, V] float32 the ids of the most probable tokens that together hold its share.

    They are taken by falling probability in float64, the lower id first among equals, while the mass before them is
    below the share; the first always is. None stands for all tokens, where the share is 1.
    """
    top = logits.amax(dim=1, keepdim=True)
    weights = (logits - top).exp_()
    totals = weights.sum(dim=1).tolist()
    for row, rough, largest, total, share in zip(
        logits, weights.numpy(), top.flatten().tolist(), totals, shares, strict=True
    ):
        if share >= 1:
            yield None
        else:
            found = _nucleus(row, rough, largest, total, share)
            yield _exact_nucleus(row, share) if found is None else found


def _nucleus(row: torch.Tensor, rough: npt.NDArray[np.float32], top: float, total: float, share: float) -> Ids | None:
    """None where the mass of some of the tokens is the share, as nearly as can be told."""
    ids, weights = _leaders(row, rough, top, total, share)
    ordered = np.sort(weights)[::-1]
    mass = torch.from_numpy(ordered.copy()).cumsum(dim=0).numpy()
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
    ordered = np.sort(probabilities.numpy())[::-1]
    mass = torch.from_numpy(ordered.copy()).cumsum(dim=0).numpy()
    # Before the first token the mass is 0, and the first is in whatever the share is.
    count = 1 + int(np.searchsorted(mass[:-1], share))
    return first_ids(probabilities.numpy(), ordered[count - 1], count)
