"""Nucleus sampling (top-p)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch

from zaoju import StepContext, Transform
from zaoju_builtin.decoding.transforms.host_rows import looks_are_free
from zaoju_builtin.decoding.transforms.nucleus import keep_nuclei
from zaoju_builtin.decoding.transforms.ranking import keep_smallest_sets

if TYPE_CHECKING:
    from zaoju.contracts import Columns


class TopP(Transform):
    """Keeps the smallest set of most probable tokens that holds at least the share `top_p` of the probability.

    Tokens are taken by falling probability, the lower id first among equals, while the mass before them is below
    `top_p`, in float64; the first always stays. 1 keeps all.

    Holtzman et al., "The Curious Case of Neural Text Degeneration", 2020 (arXiv 1904.09751).
    """

    neutral: ClassVar[Mapping[str, float]] = {"top_p": 1.0}
    keeps_argmax = True
    only_removes = True

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        if looks_are_free(logits):
            return keep_nuclei(logits, options["top_p"].tolist())
        probabilities = logits.double().softmax(dim=1)
        return keep_smallest_sets(logits, probabilities, probabilities, options["top_p"].unsqueeze(1))
