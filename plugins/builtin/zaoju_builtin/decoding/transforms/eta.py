"""Eta sampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch

from zaoju import StepContext, Transform
from zaoju_builtin.decoding.transforms.distribution import entropy, keep_probable

if TYPE_CHECKING:
    from zaoju.contracts import Columns


class Eta(Transform):
    """Keeps the tokens whose probability is at least a cutoff that falls where the model is unsure. 0 keeps all.

    With e = `eta_cutoff` and the entropy H in nats, the cutoff is the smaller of e and sqrt(e) exp(-H). The most
    probable token stays in any case.

    Hewitt, Manning and Liang, "Truncation Sampling as Language Model Desmoothing", 2022 (arXiv 2210.15191).
    """

    neutral: ClassVar[Mapping[str, object]] = {"eta_cutoff": 0.0}
    keeps_argmax = True
    only_removes = True

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        epsilon = options["eta_cutoff"].unsqueeze(1)
        probabilities = logits.double().softmax(dim=1)
        cutoff = torch.minimum(epsilon, epsilon.sqrt() * torch.exp(-entropy(probabilities)))
        return keep_probable(logits, probabilities, cutoff)
