"""Filters with a reference and one planted fault each, and sound ones.

Not collected by itself, as its name says nothing of tests: `test_planted_faults.py` runs pytest on it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from faulty_options import FewOptions, ShareOptions

from zaoju import StepContext, Transform
from zaoju.contracts import Columns
from zaoju.testing import Row, TransformContract

NOTHING = -float("inf")


def ranked(logits: Sequence[float]) -> list[int]:
    """Tokens by falling logit, the lower id first among equals."""
    return sorted(range(len(logits)), key=lambda token: (-logits[token], token))


def only(logits: Sequence[float], kept: set[int]) -> list[float]:
    return [value if token in kept else NOTHING for token, value in enumerate(logits)]


class Share(Transform):
    """Keeps the most probable tokens while the mass before them is below the share."""

    neutral: ClassVar[Mapping[str, object]] = {"share": 1.0}
    keeps_argmax = True
    only_removes = True

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        share = options["share"].unsqueeze(1)
        ordered, tokens = logits.double().softmax(dim=1).sort(dim=1, descending=True, stable=True)
        kept = self.kept(ordered, share)
        kept = torch.zeros_like(kept).scatter(1, tokens, kept) | (share == 1)
        return logits.masked_fill(~kept, NOTHING)

    def kept(self, ordered: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
        mass = ordered.cumsum(dim=1)
        before = torch.nn.functional.pad(mass[:, :-1], (1, 0))
        return (before < share) | (before == 0)


class OneTooMany(Share):
    """Keeps the token that comes when the share is already reached."""

    def kept(self, ordered: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
        mass = ordered.cumsum(dim=1)
        before = torch.nn.functional.pad(mass[:, :-1], (1, 0))
        return (before <= share) | (before == 0)


class OneTooFew(Share):
    """Drops the token with which the share is reached, where it is not the first."""

    def kept(self, ordered: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
        mass = ordered.cumsum(dim=1)
        return (mass < share) | (mass == ordered)


class Rescaling(Share):
    """Gives back log-probabilities, which are other numbers."""

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        kept = super().apply(logits, options, context)
        return torch.where(options["share"].unsqueeze(1) < 1, kept.log_softmax(dim=1), kept)


class ShareContract(TransformContract):
    options = ShareOptions()

    def reference(self, logits: Sequence[float], options: Mapping[str, object], row: Row) -> Sequence[float]:
        share = options["share"]
        assert isinstance(share, float)
        if share == 1:
            return logits
        largest = max(logits)
        weights = [math.exp(value - largest) for value in logits]
        total, before, kept = math.fsum(weights), 0.0, set[int]()
        for token in ranked(logits):
            if kept and before / total >= share:
                break
            kept.add(token)
            before += weights[token]
        return only(logits, kept)


class TestShare(ShareContract):
    make = Share


class TestOneTooMany(ShareContract):
    make = OneTooMany


class TestOneTooFew(ShareContract):
    make = OneTooFew


class TestRescaling(ShareContract):
    make = Rescaling


class Few(Transform):
    """Keeps so many of the most probable tokens, the lower id first among equals."""

    neutral: ClassVar[Mapping[str, object]] = {"few": 0}
    keeps_argmax = True
    only_removes = True

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        few = options["few"].unsqueeze(1)
        tokens = logits.sort(dim=1, descending=True, stable=True).indices
        place = torch.arange(logits.shape[1], device=logits.device).expand_as(tokens)
        rank = torch.empty_like(tokens).scatter(1, tokens, place)
        return logits.masked_fill((rank >= few) & (few > 0), NOTHING)


class KeepsTies(Few):
    """Keeps all that equal the last."""

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        few = options["few"].unsqueeze(1)
        last = (few - 1).clamp(min=0, max=logits.shape[1] - 1)
        cutoff = logits.sort(dim=1, descending=True).values.gather(1, last)
        return logits.masked_fill((logits < cutoff) & (few > 0), NOTHING)


class ZeroIsGreedy(Few):
    """Takes 0 for 1."""

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        return super().apply(logits, {"few": options["few"].clamp(min=1)}, context)


class AsksForNumber(Few):
    """Lets the host wait for the largest of the numbers, on every device."""

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        if not options["few"].max().item():
            return logits
        return super().apply(logits, options, context)


class ShapedByNumbers(Few):
    """Picks out the rows that are to be changed."""

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        at_work = options["few"] > 0
        changed = super().apply(logits, options, context)
        return logits.index_copy(0, at_work.nonzero().squeeze(1), changed[at_work])


class OnTheHost(Few):
    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        there = {"few": options["few"].cpu()}
        return super().apply(logits.cpu(), there, context).to(logits.device)


class Homeless(Few):
    """Makes a tensor without saying where."""

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        return super().apply(logits, options, context) + torch.zeros(logits.shape[1])


class ByEvenId(Few):
    """Prefers even ids."""

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        odd = torch.arange(logits.shape[1], device=logits.device) % 2
        kept = super().apply(logits - odd, options, context).isfinite()
        return logits.masked_fill(~kept, NOTHING)


class FewContract(TransformContract):
    options = FewOptions()

    def reference(self, logits: Sequence[float], options: Mapping[str, object], row: Row) -> Sequence[float]:
        few = options["few"]
        assert isinstance(few, int)
        return only(logits, set(ranked(logits)[: few or None]))


class TestFew(FewContract):
    make = Few


class TestKeepsTies(FewContract):
    make = KeepsTies


class TestZeroIsGreedy(FewContract):
    make = ZeroIsGreedy


class TestAsksForNumber(FewContract):
    make = AsksForNumber


class TestShapedByNumbers(FewContract):
    make = ShapedByNumbers


class TestOnTheHost(FewContract):
    make = OnTheHost


class TestHomeless(FewContract):
    make = Homeless


class TestByEvenId(TransformContract):
    make = ByEvenId
    options = FewOptions()
