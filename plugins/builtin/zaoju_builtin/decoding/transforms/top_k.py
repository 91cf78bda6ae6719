"""Top-k sampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch

from zaoju import StepContext, Transform
from zaoju_builtin.decoding.transforms.host_rows import keep_largest, looks_are_free
from zaoju_builtin.decoding.transforms.ranking import keep_leading

if TYPE_CHECKING:
    from zaoju.contracts import Columns


class TopK(Transform):
    """Keeps exactly the `top_k` most probable tokens, the lower id first among equals. 0 keeps all.

    Fan, Lewis and Dauphin, "Hierarchical Neural Story Generation", 2018 (arXiv 1805.04833).
    """

    neutral: ClassVar[Mapping[str, float]] = {"top_k": 0}
    keeps_argmax = True
    only_removes = True

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        width = logits.shape[1]
        top_k = options["top_k"].unsqueeze(1)
        if looks_are_free(logits):
            return keep_largest(logits, options["top_k"].tolist())
        count = torch.where(top_k > 0, top_k, width).clamp(max=width)
        cutoff = logits.sort(dim=1, descending=True).values.gather(1, count - 1)
        return keep_leading(logits, cutoff, count, top_k == 0)
