"""Min-p sampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch

from zaoju import StepContext, Transform
from zaoju_builtin.decoding.transforms.host_rows import keep_at_least

if TYPE_CHECKING:
    from zaoju.contracts import Columns


class MinP(Transform):
    """Keeps the tokens whose probability is at least the share `min_p` of the most probable token's. 0 keeps all.

    A threshold does not rank, so tokens that are equally probable stay or go together.

    Nguyen et al., "Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM Outputs", 2024 (arXiv 2407.01082).
    """

    neutral: ClassVar[Mapping[str, object]] = {"min_p": 0.0}
    keeps_argmax = True
    only_removes = True

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        # Ratios of probabilities are differences of logits, so nothing need be normalised.
        best = logits.amax(dim=1, keepdim=True).double()
        return keep_at_least(logits, _least(best, options["min_p"].log().unsqueeze(1)))


def _least(best: torch.Tensor, below: torch.Tensor) -> torch.Tensor:
    """[N, 1] float32: the least number of which `best` [N, 1] may be subtracted, in float64, without going `below`.

    That the sum is rounded puts it between the neighbours of the least number.
    """
    middle = (best + below).float()
    least = torch.nextafter(middle, middle.new_tensor(float("inf")))
    for number in (middle, torch.nextafter(middle, middle.new_tensor(float("-inf")))):
        least = torch.where(number - best < below, least, number)
    return least
