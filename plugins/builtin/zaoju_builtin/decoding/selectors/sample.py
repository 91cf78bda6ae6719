"""A token drawn by its probability."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from zaoju import Selector, StepContext
from zaoju_builtin.decoding.transforms.host_rows import WIDE, looks_are_free


class Sample(Selector):
    """Draws by the inverse of the cumulative distribution, in float64, with one uniform number per row.

    A token of probability 0 is never drawn, which `torch.multinomial` could not promise for years.
    """

    def select(self, logits: torch.Tensor, context: StepContext) -> torch.Tensor:
        return draw(logits, context.random("sample"))


def draw(logits: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    """[N] int64: one token for each row of `logits` [N, V], with the number in (0, 1) of the row in `uniforms` [N]."""
    if looks_are_free(logits) and logits.shape[1] >= WIDE:
        rows = zip(logits.numpy(), uniforms.tolist(), strict=True)
        return torch.tensor([_draw(row, uniform) for row, uniform in rows], dtype=torch.int64, device=logits.device)
    probabilities = logits.double().softmax(dim=1)
    mass = probabilities.cumsum(dim=1)
    target = uniforms.unsqueeze(1) * mass[:, -1:]
    drawn = torch.searchsorted(mass, target, right=True).clamp(max=logits.shape[1] - 1)
    # A parallel cumulative sum may rise by rounding at a token of probability 0.
    possible = probabilities.gather(1, drawn) > 0
    return torch.where(possible, drawn, probabilities.argmax(dim=1, keepdim=True)).squeeze(1)


def _draw(logits: npt.NDArray[np.float32], uniform: float) -> int:
    """The same for one row [V] on a CPU: only the tokens that are left are looked at, which after a filter are few."""
    possible = logits > -np.inf
    # Of most rows nothing was removed, or nearly all.
    ids = None if possible.all() else np.flatnonzero(possible)
    if ids is not None and not len(ids):
        return 0  # nothing is left to take, which the engine tells by the logit of whatever is taken
    left = torch.from_numpy(logits if ids is None else logits[ids]).double()
    # The scale of the weights does not matter, so they need no sum before they are added up.
    mass = (left - left.max()).exp_().cumsum(dim=0).numpy()
    # A mass that exceeds the target has grown at its token, so that is one of a probability above 0.
    place = int(np.searchsorted(mass, uniform * mass[-1], side="right"))
    if place == len(mass):
        # The target was rounded up to all of the mass.
        return int(logits.argmax())
    return place if ids is None else int(ids[place])
