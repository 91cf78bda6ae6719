"""Locally typical sampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch

from zaoju import StepContext, Transform
from zaoju_builtin.decoding.transforms.distribution import entropy
from zaoju_builtin.decoding.transforms.ranking import keep_smallest_sets

if TYPE_CHECKING:
    from zaoju.contracts import Columns


class Typical(Transform):
    """Keeps the tokens that are about as surprising as expected, up to the share `typical_p` of the probability.

    Tokens are taken by how little their surprise, -log p, differs from the entropy, the lower id first among equals,
    while the mass before them is below `typical_p`; the first always stays. So the most probable token may go. 1 keeps
    all.

    Meister et al., "Locally Typical Sampling", 2022 (arXiv 2202.00666).
    """

    neutral: ClassVar[Mapping[str, object]] = {"typical_p": 1.0}
    only_removes = True

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        wide = logits.double()
        probabilities = wide.softmax(dim=1)
        distance = (wide.log_softmax(dim=1) + entropy(probabilities)).abs()
        # Tokens that differ in probability are equally far away only by a coincidence of the last bit.
        return keep_smallest_sets(logits, -distance, probabilities, options["typical_p"].unsqueeze(1))
