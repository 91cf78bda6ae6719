"""Temperature: how far apart the logits lie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch

from zaoju import StepContext, Transform

if TYPE_CHECKING:
    from zaoju.contracts import Columns

# Below this the quotient could overflow float32; as in vLLM, such a temperature means the most probable token.
_COLDEST = 1e-5


class Temperature(Transform):
    """Divides the logits by `temperature`; 0 keeps the most probable token alone, the lowest id among equals."""

    neutral: ClassVar[Mapping[str, float]] = {"temperature": 1.0}
    keeps_argmax = True

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        return divide(logits, options["temperature"].unsqueeze(1))


def divide(logits: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    """`logits` [N, V] divided by `temperature` [N, 1]; at 0 the most probable token alone."""
    temperature = temperature.to(logits.dtype)
    frozen = temperature < _COLDEST
    divided = logits / temperature.masked_fill(frozen, 1.0)
    best = logits.argmax(dim=1, keepdim=True)
    loser = torch.ones_like(logits, dtype=torch.bool).scatter(1, best, False)
    return divided.masked_fill(frozen & loser, float("-inf"))
