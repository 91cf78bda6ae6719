"""Nucleus sampling (top-p)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch
from zaoju import StepContext, Transform

from zaoju_builtin.decoding.ranking import leading

if TYPE_CHECKING:
    from zaoju.contracts import Columns

_SHORT_LIST = 512


class TopP(Transform):
    """Keeps the smallest set of most probable tokens that holds at least the share `top_p` of the probability.

    Tokens are taken by falling probability, the lower id first among equals, while the mass before them is below
    `top_p`, in float64; the first always stays. 1 keeps all.

    Holtzman et al., "The Curious Case of Neural Text Degeneration", 2020 (arXiv 1904.09751).
    """

    neutral: ClassVar[Mapping[str, float]] = {"top_p": 1.0}
    keeps_argmax = True

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        top_p = options["top_p"].unsqueeze(1)
        probabilities = logits.double().softmax(dim=1)
        ordered, mass = _ordered(probabilities, top_p)
        mass_before = torch.nn.functional.pad(mass[:, :-1], (1, 0))
        count = (mass_before < top_p).sum(dim=1, keepdim=True).clamp(min=1)
        kept = leading(probabilities, ordered.gather(1, count - 1), count)
        return logits.masked_fill(~kept & (top_p < 1), float("-inf"))


def _ordered(probabilities: torch.Tensor, top_p: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The largest probabilities of each row, falling, as many as `top_p` can need, and their cumulative sum."""
    width = probabilities.shape[1]
    # A short list is nearly always enough, and far quicker than sorting a vocabulary. Whether it is can be looked at
    # for nothing on a CPU; an accelerator would have to wait for the answer.
    if probabilities.device.type == "cpu" and width > _SHORT_LIST:
        ordered = probabilities.topk(_SHORT_LIST, dim=1).values
        mass = ordered.cumsum(dim=1)
        if bool(((mass[:, -1:] >= top_p) | (top_p >= 1)).all()):
            return ordered, mass
    ordered = probabilities.sort(dim=1, descending=True).values
    return ordered, ordered.cumsum(dim=1)
