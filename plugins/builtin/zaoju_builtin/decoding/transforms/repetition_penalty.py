"""The repetition penalty of CTRL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch

from zaoju import StepContext, Transform

if TYPE_CHECKING:
    from zaoju.contracts import Columns


class RepetitionPenalty(Transform):
    """Divides the positive and multiplies the negative logits of tokens that stand in the prompt or the text.

    Each token counts once, however often it stands there. The sign of a logit matters, so the penalty belongs before
    transforms that shift logits.

    Keskar et al., "CTRL: A Conditional Transformer Language Model", 2019 (arXiv 1909.05858).
    """

    neutral: ClassVar[Mapping[str, float]] = {"repetition_penalty": 1.0}

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        penalty = options["repetition_penalty"].to(logits.dtype).unsqueeze(1)
        rows, width = logits.shape
        # What is not valid marks a column of its own beyond the vocabulary, which is cut off again.
        marks = context.history.tokens.masked_fill(~context.history.valid, width)
        used = torch.zeros(rows, width + 1, dtype=torch.bool, device=logits.device)
        used = used.scatter(1, marks, True)[:, :width]
        penalised = torch.where(logits > 0, logits / penalty, logits * penalty)
        return torch.where(used, penalised, logits)
