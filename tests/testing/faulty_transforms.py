"""Transforms with one planted fault each, and sound ones.

Not collected by itself, as its name says nothing of tests: `test_planted_faults.py` runs pytest on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from faulty_options import OpenOptions, WithinOptions

from zaoju import StepContext, Transform
from zaoju.contracts import Columns
from zaoju.testing import TransformContract

NOTHING = -float("inf")


class Within(Transform):
    """The sound one."""

    neutral: ClassVar[Mapping[str, float]] = {"within": 0.0}
    keeps_argmax = True

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        within = options["within"].to(logits.dtype).unsqueeze(1)
        return logits.masked_fill((logits < self.largest(logits) - within) & (within > 0), NOTHING)

    def largest(self, logits: torch.Tensor) -> torch.Tensor:
        return logits.amax(dim=1, keepdim=True)


class InPlace(Within):
    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        return logits.copy_(super().apply(logits, options, context))


class AcrossRows(Within):
    def largest(self, logits: torch.Tensor) -> torch.Tensor:
        return torch.minimum(logits.amax(), logits.amax(dim=1, keepdim=True) + logits.amax() * 1e-3)


class Emptying(Within):
    """Forgets that the largest itself must stay."""

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        within = options["within"].to(logits.dtype).unsqueeze(1)
        return logits.masked_fill((logits <= self.largest(logits) - within) & (within > 0), NOTHING)


class Noisy(Within):
    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        noise = torch.rand_like(logits) * (options["within"].unsqueeze(1) > 0)
        return super().apply(logits, options, context) + noise


class NotNeutral(Within):
    """Adds a zero at its neutral value, which makes 0 of -0."""

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        return super().apply(logits, options, context) + 0.0


class Reviving(Within):
    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        on = options["within"].unsqueeze(1) > 0
        return torch.where(on, super().apply(logits, options, context).clamp(min=-1e9), logits)


class NotANumber(Within):
    """-inf minus -inf."""

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        on = options["within"].unsqueeze(1) > 0
        lowest = logits.amin(dim=1, keepdim=True)
        return torch.where(on, logits - lowest, logits)


class Doubling(Within):
    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        return super().apply(logits, options, context).double()


class Accumulating(Within):
    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        self.calls = getattr(self, "calls", 0) + 1
        return torch.where(options["within"].unsqueeze(1) > 0, logits / self.calls, logits)


class SeesPadding(Within):
    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        used = torch.zeros_like(logits, dtype=torch.bool).scatter(1, context.history.tokens, True)
        return torch.where(used & (options["within"].unsqueeze(1) > 0), logits - 1, logits)


class Setting(Within):
    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        torch.set_grad_enabled(not torch.is_grad_enabled())
        return super().apply(logits, options, context)


class Favouring(Within):
    """Says that it keeps the most probable token, and halves it."""

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        best = logits == self.largest(logits)
        return torch.where(best & (options["within"].unsqueeze(1) > 0), logits - 5, logits)


class Forgotten(Within):
    neutral: ClassVar[Mapping[str, float]] = {}


class WithinContract(TransformContract):
    options = WithinOptions()


class TestWithin(WithinContract):
    make = Within


class TestInPlace(WithinContract):
    make = InPlace


class TestAcrossRows(WithinContract):
    make = AcrossRows


class TestEmptying(WithinContract):
    make = Emptying


class TestNoisy(WithinContract):
    make = Noisy


class TestNotNeutral(WithinContract):
    make = NotNeutral


class TestReviving(WithinContract):
    make = Reviving


class TestNotANumber(WithinContract):
    make = NotANumber


class TestDoubling(WithinContract):
    make = Doubling


class TestAccumulating(WithinContract):
    make = Accumulating


class TestSeesPadding(WithinContract):
    make = SeesPadding


class TestSetting(WithinContract):
    make = Setting


class TestFavouring(WithinContract):
    make = Favouring


class TestForgotten(WithinContract):
    make = Forgotten


class TestOpen(TransformContract):
    make = Within
    options = OpenOptions()
