"""Epsilon sampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch

from zaoju import StepContext, Transform
from zaoju_builtin.decoding.transforms.distribution import keep_probable

if TYPE_CHECKING:
    from zaoju.contracts import Columns


class Epsilon(Transform):
    """Keeps the tokens whose probability is at least `epsilon_cutoff`, and the most probable in any case. 0 keeps all.

    Hewitt, Manning and Liang, "Truncation Sampling as Language Model Desmoothing", 2022 (arXiv 2210.15191).
    """

    neutral: ClassVar[Mapping[str, object]] = {"epsilon_cutoff": 0.0}
    keeps_argmax = True
    only_removes = True

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        epsilon = options["epsilon_cutoff"].unsqueeze(1)
        return keep_probable(logits, logits.double().softmax(dim=1), epsilon)
