"""The most probable token."""

from __future__ import annotations

import torch

from zaoju import Selector, StepContext
from zaoju_builtin.decoding.transforms.host_rows import best_tokens


class Argmax(Selector):
    """Takes the most probable token; the lowest id among equals."""

    def select(self, logits: torch.Tensor, context: StepContext) -> torch.Tensor:
        return best_tokens(logits)
