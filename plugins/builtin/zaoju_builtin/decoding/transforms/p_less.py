"""P-less sampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch

from zaoju import StepContext, Transform
from zaoju_builtin.decoding.transforms.distribution import keep_probable, row_sums

if TYPE_CHECKING:
    from zaoju.contracts import Columns


class PLess(Transform):
    """Keeps the tokens whose probability is at least that of two draws giving the same token. There is nothing to tune.

    It is the sum of the squares of all probabilities. `p_less: false` keeps all.

    Tan, Wu and Howard, "p-less Sampling: A Robust Hyperparameter-Free Approach for LLM Decoding", 2025
    (arXiv 2509.23234).
    """

    neutral: ClassVar[Mapping[str, object]] = {"p_less": False}
    keeps_argmax = True
    only_removes = True

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        active = options["p_less"].unsqueeze(1)
        probabilities = logits.double().softmax(dim=1)
        return keep_probable(logits, probabilities, active * row_sums(probabilities**2))
