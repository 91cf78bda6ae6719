"""Top-k sampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch
from zaoju import StepContext, Transform

if TYPE_CHECKING:
    from zaoju.contracts.decoding import Columns


class TopK(Transform):
    """Keeps exactly the `top_k` most probable tokens, the lower id first among equals. 0 keeps all.

    Fan, Lewis and Dauphin, "Hierarchical Neural Story Generation", 2018 (arXiv 1805.04833).
    """

    neutral: ClassVar[Mapping[str, float]] = {"top_k": 0}
    keeps_argmax = True

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        top_k = options["top_k"].unsqueeze(1)
        order = logits.sort(dim=1, descending=True, stable=True).indices
        rank = torch.arange(logits.shape[1], device=logits.device).unsqueeze(0)
        removed = (rank >= top_k) & (top_k > 0)
        return logits.masked_fill(removed.scatter(1, order, removed), float("-inf"))
