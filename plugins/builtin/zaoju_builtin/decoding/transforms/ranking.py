"""The largest scores of each row, in a total order: the lower id first among equals."""

from __future__ import annotations

import torch


def leading(scores: torch.Tensor, cutoff: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
    """[N, V] bool: the `count` [N, 1] largest of `scores` [N, V], where `cutoff` [N, 1] is the last of them.

    Needs no order of the whole row: what exceeds the cutoff is in, and of what equals it the first ids are.
    """
    above = scores > cutoff
    equal = scores == cutoff
    room = count - above.sum(dim=1, keepdim=True)
    return above | (equal & (equal.cumsum(dim=1) <= room))
