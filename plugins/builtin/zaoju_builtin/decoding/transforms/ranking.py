"""Tokens in a total order: by falling score, the lower id first among equals."""

from __future__ import annotations

import torch

_SHORT_LIST = 512


def leading(scores: torch.Tensor, cutoff: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
    """[N, V] bool: the `count` [N, 1] largest of `scores` [N, V], where `cutoff` [N, 1] is the last of them.

    Needs no order of the whole row: what exceeds the cutoff is in, and of what equals it the first ids are.
    """
    above = scores > cutoff
    equal = scores == cutoff
    room = count - above.sum(dim=1, keepdim=True)
    return above | (equal & (equal.cumsum(dim=1) <= room))


def smallest_sets(scores: torch.Tensor, probabilities: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """[N, V] bool: the first tokens by `scores` [N, V] that together hold the `share` [N, 1] of the probability.

    Tokens are taken while the mass before them is below the share; the first always is. A share of 1 takes all.
    Where scores are equal, the probabilities must be too.
    """
    cutoff, count = _ends(scores, probabilities, share)
    return leading(scores, cutoff, count) | (share >= 1)


def _ends(scores: torch.Tensor, probabilities: torch.Tensor, share: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """For each row [N, 1]: the last score in the set, and the size of the set.

    A short list of the largest is nearly always enough, and far quicker than sorting a vocabulary. Which rows need more
    can be looked at for nothing on a CPU; an accelerator would have to wait for the answer, and sorts.
    """
    if scores.device.type != "cpu" or scores.shape[1] <= _SHORT_LIST:
        cutoff, count, _ = _cut(*scores.sort(dim=1, descending=True), probabilities, share)
        return cutoff, count
    cutoff, count, mass = _cut(*scores.topk(_SHORT_LIST, dim=1), probabilities, share)
    flat = ((mass < share) & (share < 1)).squeeze(1)
    if bool(flat.any()):
        ordered, tokens = scores[flat].sort(dim=1, descending=True)
        cutoff[flat], count[flat], _ = _cut(ordered, tokens, probabilities[flat], share[flat])
    return cutoff, count


def _cut(
    ordered: torch.Tensor, tokens: torch.Tensor, probabilities: torch.Tensor, share: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The last score in the set, the size of the set, and the mass of all `tokens`, which are in order: [N, 1] each."""
    mass = probabilities.gather(1, tokens).cumsum(dim=1)
    mass_before = torch.nn.functional.pad(mass[:, :-1], (1, 0))
    count = (mass_before < share).sum(dim=1, keepdim=True).clamp(min=1)
    return ordered.gather(1, count - 1), count, mass[:, -1:]
