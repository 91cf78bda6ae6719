"""What is known of the distribution of each row, in float64: the same bits for a row alone as in a batch."""

from __future__ import annotations

import torch

from zaoju_builtin.decoding.transforms.host_rows import keep_where, looks_are_free


def row_sums(values: torch.Tensor) -> torch.Tensor:
    """[N, 1]: the sum of each row of `values` [N, V], as a running sum: `torch.sum` may cut a lone row in pieces."""
    return values.cumsum(dim=1)[:, -1:]


def entropy(probabilities: torch.Tensor) -> torch.Tensor:
    """[N, 1]: the entropy of each row of `probabilities` [N, V], in nats."""
    return row_sums(torch.special.entr(probabilities))


def keep_probable(logits: torch.Tensor, probabilities: torch.Tensor, least: torch.Tensor) -> torch.Tensor:
    """`logits` [N, V] of the tokens whose probability is `least` [N, 1] or more, and of the most probable in any case.

    A threshold does not rank, so tokens that are equally probable stay or go together.
    """
    least = torch.minimum(least, probabilities.amax(dim=1, keepdim=True))
    if not looks_are_free(logits):
        return logits.masked_fill(probabilities < least, float("-inf"))
    return keep_where(logits, probabilities.numpy() >= least.numpy())
