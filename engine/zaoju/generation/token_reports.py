"""How probable each token of a text was, reported on request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from zaoju.generation.columns import whole_numbers


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


def reports(
    raw: torch.Tensor, after: torch.Tensor, tokens: Sequence[int], counts: Sequence[int], show: Callable[[int], str]
) -> list[TokenReport]:
    """For each row the report of its token, chosen from `after` [N, V] where the model had given `raw` [N, V].

    Row i chose `tokens[i]` and gets `counts[i]` alternatives. The host waits for the device once.
    """
    chosen = whole_numbers(tokens, raw.device).unsqueeze(1)
    logprobs = raw.double().log_softmax(dim=1)
    sampled = after.double().log_softmax(dim=1)
    best = _most_probable(raw, min(max(counts), raw.shape[1]))
    numbers = (logprobs.gather(1, chosen), sampled.gather(1, chosen), logprobs.gather(1, best), best)
    width = best.shape[1]
    rows = torch.cat(numbers, dim=1).tolist()
    return [
        TokenReport(
            token,
            show(token),
            row[0],
            row[1],
            tuple(
                Alternative(int(one), show(int(one)), logprob)
                for logprob, one in zip(row[2 : 2 + count], row[2 + width : 2 + width + count], strict=True)
            ),
        )
        for token, count, row in zip(tokens, (min(count, width) for count in counts), rows, strict=True)
    ]


def _most_probable(logits: torch.Tensor, count: int) -> torch.Tensor:
    """[N, count] int64: the tokens with the largest of `logits` [N, V] float32, the lower id first among equals.

    `topk` promises no order of equals, so there are none here: the higher half of a number is the logit, as a whole
    number in the same order, and the lower half tells the ids apart.
    """
    width = logits.shape[1]
    bits = (logits + 0.0).view(torch.int32)  # the sum makes 0 of -0, its equal
    order = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).long()
    behind = torch.arange(width - 1, -1, -1, device=logits.device)
    best = ((order << 32) + behind).topk(count, dim=1).values
    return width - 1 - (best & 0xFFFFFFFF)
