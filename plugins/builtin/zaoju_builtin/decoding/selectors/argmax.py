"""The most probable token."""

from __future__ import annotations

import torch

from zaoju import Selector, StepContext


class Argmax(Selector):
    """Takes the most probable token; the lowest id among equals."""

    def select(self, logits: torch.Tensor, context: StepContext) -> torch.Tensor:
        return logits.argmax(dim=1)
