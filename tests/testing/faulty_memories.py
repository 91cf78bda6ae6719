"""Transforms that remember, with one planted fault each, and a sound one.

Not collected by itself, as its name says nothing of tests: `test_planted_faults.py` runs pytest on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from faulty_options import SurpriseOptions

from zaoju import StepContext, Transform
from zaoju.contracts import Columns
from zaoju.testing import TransformContract


class Surprise(Transform):
    """Flattens the logits by the running mean of how surprising the tokens were."""

    neutral: ClassVar[Mapping[str, object]] = {"surprise": 0.0}
    keeps_argmax = True
    ignores_shift = True

    def init_state(self, options: Columns) -> Columns:
        return {"mean": torch.zeros_like(options["surprise"])}

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        return (logits / (1 + options["surprise"] * context.state["mean"]).unsqueeze(1)).to(logits.dtype)

    def observe(
        self, state: Columns, tokens: torch.Tensor, before: torch.Tensor, after: torch.Tensor, options: Columns
    ) -> Columns:
        surprise = -after.double().log_softmax(dim=1).gather(1, tokens.unsqueeze(1)).squeeze(1)
        return {"mean": 0.9 * state["mean"] + 0.1 * surprise}


class ObservesInPlace(Surprise):
    def observe(
        self, state: Columns, tokens: torch.Tensor, before: torch.Tensor, after: torch.Tensor, options: Columns
    ) -> Columns:
        state["mean"].copy_(super().observe(state, tokens, before, after, options)["mean"])
        return state


class MeanOfBatch(Surprise):
    """Every row gets the mean of all."""

    def observe(
        self, state: Columns, tokens: torch.Tensor, before: torch.Tensor, after: torch.Tensor, options: Columns
    ) -> Columns:
        mean = super().observe(state, tokens, before, after, options)["mean"]
        return {"mean": mean.mean().expand_as(mean).clone()}


class BeginsByPlace(Surprise):
    """The first row of a batch begins otherwise."""

    def init_state(self, options: Columns) -> Columns:
        return {"mean": torch.arange(len(options["surprise"]), dtype=torch.float64)}


class Growing(Surprise):
    """Keeps every token in a state that becomes longer."""

    def observe(
        self, state: Columns, tokens: torch.Tensor, before: torch.Tensor, after: torch.Tensor, options: Columns
    ) -> Columns:
        seen = torch.cat([state["seen"], tokens.unsqueeze(1)], dim=1)
        return {**super().observe(state, tokens, before, after, options), "seen": seen}

    def init_state(self, options: Columns) -> Columns:
        rows = len(options["surprise"])
        return {**super().init_state(options), "seen": torch.zeros(rows, 0, dtype=torch.int64)}


class RemembersCalls(Surprise):
    """Counts in `self` how often it observed."""

    calls = 0

    def observe(
        self, state: Columns, tokens: torch.Tensor, before: torch.Tensor, after: torch.Tensor, options: Columns
    ) -> Columns:
        self.calls += 1
        return {"mean": super().observe(state, tokens, before, after, options)["mean"] / self.calls}


class OneBuffer(Surprise):
    """Gives every time the same tensor, so all forks share it."""

    def observe(
        self, state: Columns, tokens: torch.Tensor, before: torch.Tensor, after: torch.Tensor, options: Columns
    ) -> Columns:
        mean = super().observe(state, tokens, before, after, options)["mean"]
        buffer = vars(self).setdefault("buffer", {})
        kept: torch.Tensor = buffer.setdefault(len(mean), torch.empty_like(mean))
        return {"mean": kept.copy_(mean)}


class Broken(Surprise):
    """0 times -inf is NaN."""

    def observe(
        self, state: Columns, tokens: torch.Tensor, before: torch.Tensor, after: torch.Tensor, options: Columns
    ) -> Columns:
        return {"mean": state["mean"] + 0.0 * before.double().sum(dim=1)}


class Unasked(Transform):
    """Observes without a state, so it is never asked to."""

    neutral: ClassVar[Mapping[str, object]] = {"surprise": 0.0}

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        return logits.clone()

    def observe(
        self, state: Columns, tokens: torch.Tensor, before: torch.Tensor, after: torch.Tensor, options: Columns
    ) -> Columns:
        return {"mean": options["surprise"]}


class SurpriseContract(TransformContract):
    options = SurpriseOptions()


class TestSurprise(SurpriseContract):
    make = Surprise


class TestObservesInPlace(SurpriseContract):
    make = ObservesInPlace


class TestMeanOfBatch(SurpriseContract):
    make = MeanOfBatch


class TestBeginsByPlace(SurpriseContract):
    make = BeginsByPlace


class TestGrowing(SurpriseContract):
    make = Growing


class TestRemembersCalls(SurpriseContract):
    make = RemembersCalls


class TestOneBuffer(SurpriseContract):
    make = OneBuffer


class TestBroken(SurpriseContract):
    make = Broken


class TestUnasked(SurpriseContract):
    make = Unasked
