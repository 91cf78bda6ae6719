"""The repetition penalty of CTRL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch

from zaoju import StepContext, Transform
from zaoju_builtin.decoding.transforms.past import counts, in_window

if TYPE_CHECKING:
    from zaoju.contracts import Columns


class RepetitionPenalty(Transform):
    """Divides the positive and multiplies the negative logits of tokens that stand in the prompt or the text.

    Each token counts once, however often it stands there. The sign of a logit matters, so the penalty belongs before
    transforms that shift logits. `repetition_window` is how many of the last tokens are looked at, 0 for all. 1 as
    `repetition_penalty` changes nothing.

    Keskar et al., "CTRL: A Conditional Transformer Language Model", 2019 (arXiv 1909.05858); the
    window is llama.cpp's `repeat_last_n`.
    """

    neutral: ClassVar[Mapping[str, object]] = {"repetition_penalty": 1.0}
    ignores_shift = False

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        penalty = options["repetition_penalty"].to(logits.dtype).unsqueeze(1)
        seen = in_window(context.history, options["repetition_window"])
        used = counts(context.history, seen, logits.shape[1]) > 0
        penalised = torch.where(logits > 0, logits / penalty, logits * penalty)
        return torch.where(used, penalised, logits)
