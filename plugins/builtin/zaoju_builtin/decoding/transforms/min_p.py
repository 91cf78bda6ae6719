"""Min-p sampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch

from zaoju import StepContext, Transform

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
        min_p = options["min_p"].unsqueeze(1)
        # Ratios of probabilities are differences of logits, so nothing need be normalised.
        below_best = logits.double() - logits.amax(dim=1, keepdim=True)
        return logits.masked_fill(below_best < min_p.log(), float("-inf"))
