"""Rows on a CPU, one at a time: NumPy compares, searches and sorts there many times faster than torch.

What an accelerator would have to wait for, a look at numbers and shapes that depend on them, is free on a CPU. So a
transform may ask `looks_are_free`, and leave a few tokens of a row instead of asking each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

Scores: TypeAlias = "npt.NDArray[np.floating]"
Ids: TypeAlias = "npt.NDArray[np.intp]"
Mask: TypeAlias = "npt.NDArray[np.bool_]"

WIDE = 4096
"""From so many tokens on, rows are worth a look at each by itself; narrower ones go through an operation together."""

_GROUP = 64
"""Scores that are looked at by their maximum first."""


def looks_are_free(tensor: torch.Tensor) -> bool:
    """Whether the host may look at numbers of `tensor`: on a CPU, unless a graph is being captured."""
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling()


def best_tokens(logits: torch.Tensor) -> torch.Tensor:
    """[N] int64: the most probable token of each row of `logits` [N, V], the lowest id among equals."""
    if looks_are_free(logits):
        return torch.from_numpy(logits.numpy().argmax(axis=1))
    return logits.argmax(dim=1)


def keep_at_least(logits: torch.Tensor, least: npt.NDArray[np.float32]) -> torch.Tensor:
    """`logits` [N, V] float32 that are `least` [N] or more; the others are -inf."""
    if logits.shape[1] < WIDE:
        return keep_where(logits, logits.numpy() >= least[:, None])
    kept = torch.empty_like(logits, memory_format=torch.contiguous_format)
    # `threshold` keeps what exceeds a number, and there is none between this one and the least.
    below = np.nextafter(least, np.float32(-np.inf)).tolist()
    for before, row, number in zip(logits, kept, below, strict=True):
        # Row by row, so that it is still in the processor's cache.
        row.copy_(before)
        torch.nn.functional.threshold(row, number, float("-inf"), inplace=True)
    return kept


def keep_largest(logits: torch.Tensor, counts: Sequence[int]) -> torch.Tensor:
    """So many of the largest of each row of `logits` [N, V], the lower id first among equals; the others are -inf.

    0 keeps all.
    """
    width = logits.shape[1]
    rows = logits.numpy()
    if width < WIDE:
        count = np.array([count if 0 < count < width else width for count in counts])
        cutoff = np.sort(rows, axis=1)[np.arange(len(count)), width - count]
        return keep_where(logits, first_of_rows(rows, cutoff, count))
    return keep_tokens(
        logits,
        (_largest(row, count) if 0 < count < width else None for row, count in zip(rows, counts, strict=True)),
    )


def _largest(scores: Scores, count: int) -> Ids:
    """The ids of the `count` largest of `scores` [V], in rising order, the lower id first among equals."""
    # The last of the `count` largest maxima of groups is a bound: so many scores reach it. Few more do, as a rule, and
    # to find the maxima is a plain pass, where partitioning the whole row is many.
    groups = len(scores) // _GROUP
    if count >= groups:
        return first_ids(scores, _last_of_largest(scores, count), count)
    maxima = scores[: groups * _GROUP].reshape(_GROUP, groups).max(axis=0)
    ids = np.flatnonzero(scores >= _last_of_largest(maxima, count))
    if len(ids) <= count:
        return ids  # fewer only where some are NaN
    left = scores[ids]
    return ids[first_ids(left, _last_of_largest(left, count), count)]


def _last_of_largest(scores: Scores, count: int) -> float:
    """The least of the `count` largest of `scores`."""
    place = len(scores) - count
    return float(np.partition(scores, place)[place])


def keep_tokens(logits: torch.Tensor, ids: Iterable[Ids | None]) -> torch.Tensor:
    """`logits` [N, V] of the tokens whose ids are named for each row; the others are -inf. None keeps all of a row."""
    kept = torch.full(logits.shape, float("-inf"), dtype=logits.dtype, device=logits.device)
    for before, after, own in zip(logits.numpy(), kept.numpy(), ids, strict=True):
        if own is None:
            after[:] = before
        else:
            after[own] = before[own]
    return kept


def keep_where(logits: torch.Tensor, kept: Mask) -> torch.Tensor:
    """`logits` [N, V] where `kept` [N, V] says so; the others are -inf."""
    return torch.from_numpy(np.where(kept, logits.numpy(), np.float32(-np.inf)))


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


def first_of_rows(scores: Scores, cutoff: Scores, count: Ids) -> Mask:
    """[N, V] bool: the `count` [N] largest of each row of `scores` [N, V], where `cutoff` [N] is the last of them.

    Of what equals it, the first ids are in.
    """
    kept: Mask = scores >= cutoff[:, None]
    for row in np.flatnonzero(kept.sum(axis=1) > count):
        kept[row] = False
        kept[row, first_ids(scores[row], cutoff[row], count[row])] = True
    return kept
