"""Rows on a CPU, one at a time: NumPy compares, searches and sorts there many times faster than torch.

What an accelerator would have to wait for, a look at numbers and shapes that depend on them, is free on a CPU. So a
transform may ask `looks_are_free`, and leave a few tokens of a row instead of asking each of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

Scores: TypeAlias = "npt.NDArray[np.floating]"
Ids: TypeAlias = "npt.NDArray[np.intp]"


def looks_are_free(tensor: torch.Tensor) -> bool:
    """Whether the host may look at numbers of `tensor`: on a CPU, unless a graph is being captured."""
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling()


def best_tokens(logits: torch.Tensor) -> torch.Tensor:
    """[N] int64: the most probable token of each row of `logits` [N, V], the lowest id among equals."""
    if looks_are_free(logits):
        return torch.from_numpy(logits.numpy().argmax(axis=1))
    return logits.argmax(dim=1)


def keep_at_least(logits: torch.Tensor, least: torch.Tensor) -> torch.Tensor:
    """`logits` [N, V] float32 that are `least` [N, 1] float32 or more; the others are -inf."""
    if not looks_are_free(logits):
        return logits.masked_fill(logits < least, float("-inf"))
    kept = logits.clone(memory_format=torch.contiguous_format)
    # `threshold` keeps what exceeds a number, and there is none between this one and `least`.
    below = torch.nextafter(least, least.new_tensor(float("-inf"))).flatten().tolist()
    for row, number in zip(kept, below, strict=True):
        torch.nn.functional.threshold(row, number, float("-inf"), inplace=True)
    return kept


def keep_tokens(logits: torch.Tensor, ids: Iterable[Ids | None]) -> torch.Tensor:
    """`logits` [N, V] of the tokens whose ids are named for each row; the others are -inf. None keeps all of a row."""
    kept = torch.full(logits.shape, float("-inf"), dtype=logits.dtype, device=logits.device)
    for before, after, own in zip(logits.numpy(), kept.numpy(), ids, strict=True):
        if own is None:
            after[:] = before
        else:
            after[own] = before[own]
    return kept


def first_ids(scores: Scores, cutoff: float, count: int) -> Ids:
    """The ids of the `count` largest of `scores` [V], in rising order, where `cutoff` is the last of them.

    Of what equals it, the first ids are in.
    """
    ids = np.flatnonzero(scores >= cutoff)
    if len(ids) <= count:
        return ids
    above = scores[ids] > cutoff
    kept = above.copy()
    kept[np.flatnonzero(~above)[: count - np.count_nonzero(above)]] = True
    return ids[kept]


def largest(scores: Scores, count: int) -> float:
    """The `count`-th largest of `scores` [V]."""
    return float(np.partition(scores, len(scores) - count)[len(scores) - count])
