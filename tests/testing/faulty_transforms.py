"""Transforms and selectors with one planted fault each, and a sound one.

Not collected by itself, as its name says nothing of tests: `test_planted_faults.py` runs pytest on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from faulty_options import WithinOptions

from zaoju import Selector, StepContext, Transform
from zaoju.contracts import Columns
from zaoju.testing import SelectorContract, TransformContract

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


class SoundSelector(Selector):
    """The first token whose cumulative probability reaches the row's random number."""

    def select(self, logits: torch.Tensor, context: StepContext) -> torch.Tensor:
        probabilities = logits.double().softmax(dim=1)
        mass = probabilities.cumsum(dim=1)
        reached = (mass >= context.random("sound").unsqueeze(1) * mass[:, -1:]) & (probabilities > 0)
        return reached.int().argmax(dim=1)


class TakesRemoved(Selector):
    """As `SoundSelector`, but the smallest number takes token 0, and the largest the last one."""

    def select(self, logits: torch.Tensor, context: StepContext) -> torch.Tensor:
        mass = logits.double().softmax(dim=1).cumsum(dim=1)
        number = context.random("removed").unsqueeze(1) * 1.000001 - 1e-6
        return (mass < number).sum(dim=1).clamp(max=logits.shape[1] - 1)


class GlobalDraw(Selector):
    def select(self, logits: torch.Tensor, context: StepContext) -> torch.Tensor:
        return torch.multinomial(logits.softmax(dim=1), 1).squeeze(1)


class SameForAll(Selector):
    """Every row is drawn by the first row's number."""

    def select(self, logits: torch.Tensor, context: StepContext) -> torch.Tensor:
        numbers = context.random("first")[:1].expand(len(logits))
        mass = logits.double().softmax(dim=1).cumsum(dim=1)
        return (mass >= numbers.unsqueeze(1) * mass[:, -1:]).int().argmax(dim=1)


class Narrow(SoundSelector):
    def select(self, logits: torch.Tensor, context: StepContext) -> torch.Tensor:
        return super().select(logits, context).int()


class Masking(Selector):
    """Writes to the logits to find the best."""

    def select(self, logits: torch.Tensor, context: StepContext) -> torch.Tensor:
        best = logits.argmax(dim=1)
        logits.fill_(NOTHING)
        return best


class TestSoundSelector(SelectorContract):
    make = SoundSelector


class TestTakesRemoved(SelectorContract):
    make = TakesRemoved


class TestGlobalDraw(SelectorContract):
    make = GlobalDraw


class TestSameForAll(SelectorContract):
    make = SameForAll


class TestNarrow(SelectorContract):
    make = Narrow


class TestMasking(SelectorContract):
    make = Masking
