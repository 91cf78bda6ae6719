"""The learning rate of every step: a pure function of the step's number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

_DECAY = 0.2
"""The share of a WSD run in which the rate falls; Hägele et al. find 10 to 20 % enough."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Warm-up, then a fall to zero: along a cosine, or late and quick.

    `cosine` is that of Loshchilov and Hutter, 2017. `wsd` (warm-up, stable, decay: Hu et al., 2024, MiniCPM) stays at
    the peak and then falls by 1 - sqrt (Hägele et al., 2024).
    """

    kind: Literal["cosine", "wsd"]
    peak: float
    steps: int
    """All steps of the run."""

    warmup: float
    """The share of the steps in which the rate rises to its peak."""

    def at(self, step: int) -> float:
        """The learning rate of `step`, counted from 0. Above 0 in every step, so that none is wasted."""
        rising = min(round(self.warmup * self.steps), self.steps - 1)
        if step < rising:
            return self.peak * (step + 1) / (rising + 1)
        if self.kind == "cosine":
            done = (step - rising) / (self.steps - rising)
            return self.peak * 0.5 * (1 + math.cos(math.pi * done))
        falling = max(1, min(round(_DECAY * self.steps), self.steps - rising))
        done = max(0.0, (step - (self.steps - falling)) / falling)
        return self.peak * (1 - math.sqrt(done))
