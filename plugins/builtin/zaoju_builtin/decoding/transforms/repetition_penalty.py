"""The repetition penalty of CTRL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch

from zaoju import StepContext, Transform
from zaoju_builtin.decoding.transforms.past import in_window, occurrences

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
        tokens, count = occurrences(context.history, seen, logits.shape[1])
        used = logits.gather(1, tokens)
        penalised = torch.where(used > 0, used / penalty, used * penalty)
        return logits.scatter(1, tokens, torch.where(count > 0, penalised, used))
