"""A text of a minimum length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch

from zaoju import StepContext, Transform
from zaoju_builtin.decoding.transforms.removal import remove

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
        return remove(logits, torch.full_like(early, context.end_of_text, dtype=torch.int64), early)
