"""Tokens that a transform forbids, unless they are all that is left."""

from __future__ import annotations

import torch

from zaoju_builtin.decoding.transforms.host_rows import looks_are_free


def remove(logits: torch.Tensor, tokens: torch.Tensor, banned: torch.Tensor) -> torch.Tensor:
    """`logits` [N, V] with -inf for those of `tokens` [N, K] that are `banned` [N, K].

    A token that stands several times in a row is banned at all its places or at none. Where nothing else is left the
    row stays as it is, as a row must keep a token.
    """
    before = logits.gather(1, tokens)
    left = logits.scatter(1, tokens, before.masked_fill(banned, float("-inf")))
    if looks_are_free(logits) and bool((left.amax(dim=1) > float("-inf")).all()):
        return left
    possible = left.amax(dim=1, keepdim=True) > float("-inf")
    return logits.scatter(1, tokens, before.masked_fill(banned & possible, float("-inf")))
