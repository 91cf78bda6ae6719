"""A token drawn by its probability."""

from __future__ import annotations

import torch

from zaoju import Selector, StepContext


class Sample(Selector):
    """Draws by the inverse of the cumulative distribution, in float64, with one uniform number per row.

    A token of probability 0 is never drawn, which `torch.multinomial` could not promise for years.
    """

    def select(self, logits: torch.Tensor, context: StepContext) -> torch.Tensor:
        return draw(logits, context.random("sample"))


def draw(logits: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    """[N] int64: one token for each row of `logits` [N, V], with the number in (0, 1) of the row in `uniforms` [N]."""
    probabilities = logits.double().softmax(dim=1)
    mass = probabilities.cumsum(dim=1)
    target = uniforms.unsqueeze(1) * mass[:, -1:]
    drawn = torch.searchsorted(mass, target, right=True).clamp(max=logits.shape[1] - 1)
    # A parallel cumulative sum may rise by rounding at a token of probability 0.
    possible = probabilities.gather(1, drawn) > 0
    return torch.where(possible, drawn, probabilities.argmax(dim=1, keepdim=True)).squeeze(1)
