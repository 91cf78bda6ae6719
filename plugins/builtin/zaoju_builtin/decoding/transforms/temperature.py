"""Temperature: how far apart the logits lie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch

from zaoju import StepContext, Transform
from zaoju_builtin.decoding.transforms.host_rows import looks_are_free

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
    if not looks_are_free(logits):
        best = logits.argmax(dim=1, keepdim=True)
        alone = torch.full_like(logits, float("-inf")).scatter(1, best, logits.gather(1, best))
        return torch.where(frozen, alone, divided)
    for row in frozen.flatten().nonzero().flatten().tolist():
        token = int(logits[row].numpy().argmax())
        divided[row].fill_(float("-inf"))
        divided[row, token] = logits[row, token]
    return divided
