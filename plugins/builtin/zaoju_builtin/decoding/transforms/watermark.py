"""A watermark: a mark in the choice of tokens that readers do not see and a program can find."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch

from zaoju import StepContext, Transform
from zaoju_builtin.decoding.transforms.green_list import is_green

if TYPE_CHECKING:
    from zaoju.contracts import Columns


class Watermark(Transform):
    """Adds `watermark_delta` to the logits of a green list: the share `watermark_gamma` of the vocabulary.

    The list depends on `watermark_key` and on the token before, so `WatermarkDetector` finds the mark with the key and
    the tokens alone, without the model. A token is on a list by a hash of its own, so the share is met on average. The
    first token of a text without a prompt has none before it and is not marked.

    Kirchenbauer et al., "A Watermark for Large Language Models", 2023 (arXiv 2301.10226): the soft red list.
    """

    neutral: ClassVar[Mapping[str, object]] = {"watermark_delta": 0.0}

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        delta = options["watermark_delta"].to(logits.dtype).unsqueeze(1)
        valid = context.history.valid
        # With a column in front, the last token is there in a history of none as well.
        tokens = torch.nn.functional.pad(context.history.tokens, (1, 0))
        length = valid.sum(dim=1, keepdim=True)
        green = is_green(
            options["watermark_key"].unsqueeze(1),
            options["watermark_gamma"].unsqueeze(1),
            tokens.gather(1, length),
            torch.arange(logits.shape[1], device=logits.device),
        )
        # 0 is not added, as it would make 0 of -0.
        return torch.where(green & (length > 0) & (delta != 0), logits + delta, logits)
