"""Rows that are equal are moved apart."""

from __future__ import annotations

from collections import defaultdict

import torch


def break_ties(rows: torch.Tensor, matrix: torch.Tensor, noise: float, seed: int) -> torch.Tensor:
    """`rows` [N, width] with normal noise on those that equal another of them or a row of `matrix` [V, width].

    The deviation of the noise is `noise` times that of the matrix. Rows that equal no other stay as they are.
    """
    places: dict[bytes, list[int]] = defaultdict(list)
    for place, row in enumerate(rows.numpy()):
        places[row.tobytes()].append(place)
    old = {row.tobytes() for row in matrix.numpy()}
    tied = [place for row, equal in places.items() if len(equal) > 1 or row in old for place in equal]
    drawn = torch.randn(len(tied), rows.shape[1], generator=torch.Generator().manual_seed(seed))
    apart = rows.clone()
    apart[tied] += drawn * float(matrix.std()) * noise
    return apart
