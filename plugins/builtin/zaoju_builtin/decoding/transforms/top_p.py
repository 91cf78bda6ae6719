"""Nucleus sampling (top-p)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch

from zaoju import StepContext, Transform
from zaoju_builtin.decoding.transforms.ranking import leading

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
        cutoff, count = _smallest_sets(probabilities, top_p)
        kept = leading(probabilities, cutoff, count)
        return logits.masked_fill(~kept & (top_p < 1), float("-inf"))


def _smallest_sets(probabilities: torch.Tensor, top_p: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """For each row [N, 1]: the least probability in the set, and the size of the set.

    A short list of the largest is nearly always enough, and far quicker than sorting a vocabulary. Which rows need more
    can be looked at for nothing on a CPU; an accelerator would have to wait for the answer, and sorts.
    """
    if probabilities.device.type != "cpu" or probabilities.shape[1] <= _SHORT_LIST:
        cutoff, count, _ = _cut(probabilities.sort(dim=1, descending=True).values, top_p)
        return cutoff, count
    cutoff, count, mass = _cut(probabilities.topk(_SHORT_LIST, dim=1).values, top_p)
    flat = ((mass < top_p) & (top_p < 1)).squeeze(1)
    if bool(flat.any()):
        ordered = probabilities[flat].sort(dim=1, descending=True).values
        cutoff[flat], count[flat], _ = _cut(ordered, top_p[flat])
    return cutoff, count


def _cut(ordered: torch.Tensor, top_p: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The last probability in the set, the size of the set, and the mass of all of `ordered`: [N, 1] each."""
    mass = ordered.cumsum(dim=1)
    mass_before = torch.nn.functional.pad(mass[:, :-1], (1, 0))
    count = (mass_before < top_p).sum(dim=1, keepdim=True).clamp(min=1)
    return ordered.gather(1, count - 1), count, mass[:, -1:]
