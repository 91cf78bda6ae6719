"""Selectors with one planted fault each, random numbers with one, and sound ones.

Not collected by itself, as its name says nothing of tests: `test_planted_faults.py` runs pytest on it.
"""

from __future__ import annotations

import pytest
import torch

import zaoju.testing.decoding_rows as decoding_rows
from zaoju import Selector, StepContext
from zaoju.generation.uniforms import uniform
from zaoju.testing import SelectorContract

NOTHING = -float("inf")


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


class Skewed(SoundSelector):
    """A little too bold."""

    def select(self, logits: torch.Tensor, context: StepContext) -> torch.Tensor:
        return super().select(logits * 1.1, context)


class SeededAnew(Selector):
    """Makes a generator with the same seed at every step."""

    def select(self, logits: torch.Tensor, context: StepContext) -> torch.Tensor:
        number = torch.rand(1, 1, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
        mass = logits.double().softmax(dim=1).cumsum(dim=1)
        return (mass >= number * mass[:, -1:]).int().argmax(dim=1)


class Best(Selector):
    def select(self, logits: torch.Tensor, context: StepContext) -> torch.Tensor:
        return (logits == logits.amax(dim=1, keepdim=True)).int().argmax(dim=1)


class LastOfEquals(Selector):
    def select(self, logits: torch.Tensor, context: StepContext) -> torch.Tensor:
        return logits.shape[1] - 1 - Best().select(logits.flip(1), context)


class ByCompany(SoundSelector):
    """Remembers how many rows it saw first."""

    rows = 0

    def select(self, logits: torch.Tensor, context: StepContext) -> torch.Tensor:
        self.rows = self.rows or len(logits)
        return super().select(logits if self.rows == len(logits) else logits * 1e-3, context)


class TestSkewed(SelectorContract):
    make = Skewed


class TestSeededAnew(SelectorContract):
    make = SeededAnew


class TestBest(SelectorContract):
    make = Best
    draws = False


class TestLastOfEquals(SelectorContract):
    make = LastOfEquals
    draws = False


class TestByCompany(SelectorContract):
    make = ByCompany


class WithNumbers(SelectorContract):
    """A sound selector with random numbers that are not."""

    make = SoundSelector

    @staticmethod
    def number(seed: int, index: int, stream: str) -> float:
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def faulty_numbers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(decoding_rows, "uniform", self.number)


class TestSeedPlusPlace(WithNumbers):
    """A seed has the numbers of the one before it, one place later."""

    @staticmethod
    def number(seed: int, index: int, stream: str) -> float:
        return uniform(seed + index, 0, stream)


class TestSameAtEveryPlace(WithNumbers):
    @staticmethod
    def number(seed: int, index: int, stream: str) -> float:
        return uniform(seed, 0, stream)


class TestSameForNeighbours(WithNumbers):
    @staticmethod
    def number(seed: int, index: int, stream: str) -> float:
        return uniform(seed // 2, index, stream)


class TestEightBits(WithNumbers):
    @staticmethod
    def number(seed: int, index: int, stream: str) -> float:
        return (int(uniform(seed, index, stream) * 256) + 0.5) / 256
