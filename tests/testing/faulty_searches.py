"""Searches with one planted fault each, and a sound one.

Not collected by itself, as its name says nothing of tests: `test_planted_faults.py` runs pytest on it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import ClassVar

import torch
from faulty_options import WideOptions

from zaoju.contracts import Branch, Hypothesis, Search, SearchContext, SearchStep
from zaoju.testing import SearchContract


class Wide(Search[WideOptions]):
    """Goes on with the most probable pairs of row and token; the text of the first row to end is the result."""

    def __init__(self, options: WideOptions) -> None:
        super().__init__(options)
        self.scores = [0.0]

    @property
    def width(self) -> int:
        return self.options.rows

    def step(self, logits: torch.Tensor, context: SearchContext) -> SearchStep:
        live: list[tuple[int, int]] = []
        whole: list[Hypothesis] = []
        scores: list[float] = []
        for row, token, score in self.candidates(logits):
            if len(live) == self.limit():
                break
            if self.ends(row, token, context):
                whole.append(Hypothesis(row, token, self.score(score)))
            else:
                live.append((row, token))
                scores.append(score)
        self.scores = scores
        done = bool(whole) or not live
        return SearchStep([row for row, _ in live], [token for _, token in live], whole, done)

    def candidates(self, logits: torch.Tensor) -> list[tuple[int, int, float]]:
        laws = logits.double().log_softmax(dim=1).tolist()
        pairs = [
            (row, token, before + gain)
            for row, (before, law) in enumerate(zip(self.scores, laws, strict=True))
            for token, gain in enumerate(law)
            if self.possible(gain)
        ]
        return sorted(pairs, key=lambda pair: -pair[2])[: 2 * self.options.rows]

    def possible(self, gain: float) -> bool:
        return gain > -float("inf")

    def limit(self) -> int:
        return self.options.rows

    def ends(self, row: int, token: int, context: SearchContext) -> bool:
        return context.room == 1 or context.ends(row, token)

    def score(self, score: float) -> float:
        return score


class TooWide(Wide):
    def limit(self) -> int:
        return self.options.rows + 1


class BeginsTooWide(Wide):
    def begin(self) -> Sequence[Branch]:
        return [Branch(number) for number in range(self.options.rows + 1)]


class TakesNothing(Wide):
    """Takes what a transform or a constraint has removed, where too little is left."""

    def possible(self, gain: float) -> bool:
        return True

    def candidates(self, logits: torch.Tensor) -> list[tuple[int, int, float]]:
        return [(row, token, max(score, -1e9)) for row, token, score in super().candidates(logits)]


class OutOfRange(Wide):
    """Counts parents from 1."""

    def candidates(self, logits: torch.Tensor) -> list[tuple[int, int, float]]:
        return [(row + 1, token, score) for row, token, score in super().candidates(logits)]

    def ends(self, row: int, token: int, context: SearchContext) -> bool:
        return super().ends(row - 1, token, context)


class DeafToStops(Wide):
    """Knows the end of a document, and no stop string."""

    def ends(self, row: int, token: int, context: SearchContext) -> bool:
        return context.room == 1 or token == context.end_of_text


class Endless(Wide):
    """Does not look at the room."""

    def ends(self, row: int, token: int, context: SearchContext) -> bool:
        return context.ends(row, token)


class EmptyHanded(Wide):
    def step(self, logits: torch.Tensor, context: SearchContext) -> SearchStep:
        return super().step(logits, context) if context.room > 1 else SearchStep(done=True)


class Scoreless(Wide):
    """The mean of no tokens."""

    def score(self, score: float) -> float:
        return score / float("inf") * float("inf")


class Scribbling(Wide):
    def step(self, logits: torch.Tensor, context: SearchContext) -> SearchStep:
        return super().step(logits.sub_(1.0), context)


class DoubleMix(Wide):
    def mix(self, logits: torch.Tensor) -> torch.Tensor:
        return logits.double() * 2


class Gambling(Wide):
    """Throws dice of its own."""

    def candidates(self, logits: torch.Tensor) -> list[tuple[int, int, float]]:
        found = super().candidates(logits)
        random.shuffle(found)
        return found


class Common(Wide):
    """Keeps what belongs to one request in the class."""

    steps: ClassVar[list[int]] = []

    def candidates(self, logits: torch.Tensor) -> list[tuple[int, int, float]]:
        found = super().candidates(logits)
        return found[::-1] if len(self.steps) % 2 and len(found) > 1 else found

    def step(self, logits: torch.Tensor, context: SearchContext) -> SearchStep:
        if context.index == 0:
            self.steps.clear()
        self.steps.append(context.index)
        return super().step(logits, context)


class Unsaid(Wide):
    """Lets the selector choose, and does not say so."""

    def step(self, logits: torch.Tensor, context: SearchContext) -> SearchStep:
        context.select(logits)
        return super().step(logits, context)


class WideContract(SearchContract):
    options = WideOptions()
    needs: ClassVar[frozenset[str]] = frozenset()


class TestWide(WideContract):
    make = Wide


class TestTooWide(WideContract):
    make = TooWide


class TestBeginsTooWide(WideContract):
    make = BeginsTooWide


class TestTakesNothing(WideContract):
    make = TakesNothing


class TestOutOfRange(WideContract):
    make = OutOfRange


class TestDeafToStops(WideContract):
    make = DeafToStops


class TestEndless(WideContract):
    make = Endless


class TestEmptyHanded(WideContract):
    make = EmptyHanded


class TestScoreless(WideContract):
    make = Scoreless


class TestScribbling(WideContract):
    make = Scribbling


class TestDoubleMix(WideContract):
    make = DoubleMix


class TestGambling(WideContract):
    make = Gambling


class TestCommon(WideContract):
    make = Common


class TestUnsaidNeed(WideContract):
    make = Unsaid
