"""A text of a minimum length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch

from zaoju import StepContext, Transform

if TYPE_CHECKING:
    from zaoju.contracts import Columns


class MinimumLength(Transform):
    """Removes the token that ends the document until `min_new_tokens` tokens have come. 0 removes nothing.

    Where nothing else is left, the row stays as it is, as a row must keep a token.
    """

    neutral: ClassVar[Mapping[str, object]] = {"min_new_tokens": 0}
    only_removes = True

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        early = (context.index < options["min_new_tokens"]).unsqueeze(1)
        end = torch.arange(logits.shape[1], device=logits.device) == context.end_of_text
        left = logits.masked_fill(early & end, float("-inf"))
        return torch.where((left > float("-inf")).any(dim=1, keepdim=True), left, logits)
