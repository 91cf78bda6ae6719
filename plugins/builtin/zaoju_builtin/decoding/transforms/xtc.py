"""XTC, exclude top choices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch

from zaoju import StepContext, Transform

if TYPE_CHECKING:
    from zaoju.contracts import Columns


class XTC(Transform):
    """With the probability `xtc_probability` removes every token that is at least `xtc_threshold` probable, but one.

    The one that stays is the least probable of them, the highest id among equals; so where only one token reaches the
    threshold nothing happens, and above 0.5 nothing ever does. Drawn anew for each token of the text. 0 as
    `xtc_probability` keeps all.

    Philipp Emanuel Weidmann, text-generation-webui pull request 6335, 2024; llama.cpp's rule.
    """

    neutral: ClassVar[Mapping[str, object]] = {"xtc_probability": 0.0}
    only_removes = True

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        threshold = options["xtc_threshold"].unsqueeze(1)
        happens = (context.random("xtc") <= options["xtc_probability"]).unsqueeze(1)
        likely = (logits.double().softmax(dim=1) >= threshold) & (logits > float("-inf"))
        least = logits.masked_fill(~likely, float("inf")).amin(dim=1, keepdim=True)
        ids = torch.arange(logits.shape[1], device=logits.device)
        spared = ids.masked_fill(~likely | (logits > least), -1).amax(dim=1, keepdim=True)
        return logits.masked_fill(likely & (ids != spared) & happens, float("-inf"))
