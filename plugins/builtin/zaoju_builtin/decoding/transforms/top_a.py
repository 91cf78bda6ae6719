"""Top-a sampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch

from zaoju import StepContext, Transform
from zaoju_builtin.decoding.transforms.distribution import keep_probable

if TYPE_CHECKING:
    from zaoju.contracts import Columns


class TopA(Transform):
    """Keeps the tokens whose probability is at least `top_a` times the square of the largest probability. 0 keeps all.

    Peng Bo, RWKV-LM (https://github.com/BlinkDL/RWKV-LM).
    """

    neutral: ClassVar[Mapping[str, object]] = {"top_a": 0.0}
    keeps_argmax = True
    only_removes = True

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        top_a = options["top_a"].unsqueeze(1)
        probabilities = logits.double().softmax(dim=1)
        best = probabilities.amax(dim=1, keepdim=True)
        return keep_probable(logits, probabilities, top_a * best**2)
