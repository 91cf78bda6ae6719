"""How probable each token of a text was, reported on request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Alternative:
    """A token that could have been chosen."""

    token: int
    text: str
    logprob: float
    """The natural logarithm of its probability under the model alone."""


@dataclass(frozen=True, slots=True)
class TokenReport:
    """One token of a text with its probabilities, as natural logarithms."""

    token: int

    text: str
    r"""What the token stands for; `\xe6` for a byte that is part of a character."""

    logprob: float
    """Under the model alone: the softmax of its logits, before anything else acts."""

    sampled_logprob: float
    """Under what it was chosen from: after constraint and chain."""

    top: tuple[Alternative, ...]
    """The most probable tokens under the model alone, the lower id first among equals."""


def report(raw: torch.Tensor, after: torch.Tensor, token: int, count: int, show: Callable[[int], str]) -> TokenReport:
    """The report of `token`, chosen from `after` [V] where the model had given `raw` [V], with `count` alternatives."""
    logprobs = raw.double().log_softmax(dim=0)
    # A stable sort keeps the lower id first among equals, which topk does not promise.
    best = logprobs.sort(descending=True, stable=True).indices[:count] if count else logprobs.new_zeros(0).long()
    return TokenReport(
        token,
        show(token),
        float(logprobs[token]),
        float(after.double().log_softmax(dim=0)[token]),
        tuple(Alternative(one, show(one), float(logprobs[one])) for one in best.tolist()),
    )
