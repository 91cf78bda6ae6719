"""Nucleus sampling (top-p)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch
from zaoju import StepContext, Transform

if TYPE_CHECKING:
    from zaoju.contracts.decoding import Columns


class TopP(Transform):
    """Keeps the smallest set of most probable tokens that holds at least the share `top_p` of the probability.

    Tokens are taken in order of falling logit, the lower id first among equals, while the mass before them is below
    `top_p`, in float64; the first always stays. 1 keeps all.

    Holtzman et al., "The Curious Case of Neural Text Degeneration", 2020 (arXiv 1904.09751).
    """

    neutral: ClassVar[Mapping[str, float]] = {"top_p": 1.0}
    keeps_argmax = True

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        top_p = options["top_p"].unsqueeze(1)
        ordered = logits.sort(dim=1, descending=True, stable=True)
        mass = ordered.values.double().softmax(dim=1).cumsum(dim=1)
        mass_before = torch.nn.functional.pad(mass[:, :-1], (1, 0))
        removed = (mass_before >= top_p) & (top_p < 1)
        removed[:, 0] = False
        return logits.masked_fill(removed.scatter(1, ordered.indices, removed), float("-inf"))
