"""Tokens in a total order: by falling score, the lower id first among equals."""

from __future__ import annotations

import numpy as np
import torch

from zaoju_builtin.decoding.transforms.host_rows import (
    Ids,
    Scores,
    first_ids,
    first_of_rows,
    keep_tokens,
    keep_where,
    looks_are_free,
)

_SHORT_LIST = 512


def leading(scores: torch.Tensor, cutoff: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
    """[N, V] bool: the `count` [N, 1] largest of `scores` [N, V], where `cutoff` [N, 1] is the last of them.

    Needs no order of the whole row: what exceeds the cutoff is in, and of what equals it the first ids are.
    """
    above = scores > cutoff
    equal = scores == cutoff
    room = count - above.sum(dim=1, keepdim=True)
    return above | (equal & (equal.cumsum(dim=1) <= room))


def keep_leading(
    logits: torch.Tensor, cutoff: torch.Tensor, count: torch.Tensor, everything: torch.Tensor
) -> torch.Tensor:
    """The `count` [N, 1] largest of `logits` [N, V], where `cutoff` [N, 1] is the last of them; the others are -inf.

    All of a row where `everything` [N, 1] says so.
    """
    if not looks_are_free(logits):
        return logits.masked_fill(~(leading(logits, cutoff, count) | everything), float("-inf"))
    kept = first_of_rows(logits.numpy(), cutoff.flatten().numpy(), count.flatten().numpy())
    return keep_where(logits, kept | everything.numpy())


def keep_smallest_sets(
    logits: torch.Tensor, scores: torch.Tensor, probabilities: torch.Tensor, share: torch.Tensor
) -> torch.Tensor:
    """`logits` of the first tokens by `scores` that together hold the `share` [N, 1] of the probability; [N, V] each.

    Tokens are taken while the mass before them is below the share; the first always is. A share of 1 takes all.
    Where scores are equal, the probabilities must be too.
    """
    if not looks_are_free(logits):
        return logits.masked_fill(~(_smallest_sets(scores, probabilities, share) | (share >= 1)), float("-inf"))
    rows = zip(scores.numpy(), probabilities.numpy(), share.flatten().tolist(), strict=True)
    return keep_tokens(logits, (None if own >= 1 else _smallest_set(row, chances, own) for row, chances, own in rows))


def _smallest_set(scores: Scores, probabilities: Scores, share: float) -> Ids:
    """A short list of the largest is nearly always enough, and far quicker than sorting a vocabulary."""
    width = len(scores)
    for length in (min(_SHORT_LIST, width), width):
        short = np.argpartition(scores, width - length)[width - length :]
        ordered = short[np.argsort(-scores[short])]
        # NumPy's own running sum is slower, and this is that of an accelerator.
        mass = torch.from_numpy(probabilities[ordered]).cumsum(dim=0).numpy()
        if mass[-1] >= share:
            break
    # Before the first token the mass is 0, and the first is in whatever the share is.
    count = 1 + int(np.searchsorted(mass[:-1], share))
    return first_ids(scores, scores[ordered[count - 1]], count)


def _smallest_sets(scores: torch.Tensor, probabilities: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """[N, V] bool, by sorting: an accelerator would have to wait for whether a short list is enough."""
    ordered, tokens = scores.sort(dim=1, descending=True)
    mass_before = torch.nn.functional.pad(probabilities.gather(1, tokens).cumsum(dim=1)[:, :-1], (1, 0))
    count = (mass_before < share).sum(dim=1, keepdim=True).clamp(min=1)
    return leading(scores, ordered.gather(1, count - 1), count)
