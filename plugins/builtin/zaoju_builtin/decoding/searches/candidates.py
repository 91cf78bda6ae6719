"""Which tokens may continue which rows, best first; and texts that end where they are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from zaoju.contracts import Hypothesis, SearchStep
from zaoju_builtin.decoding.transforms.ranking import leading


@dataclass(frozen=True, slots=True)
class Candidate:
    """A token after a live row."""

    row: int
    token: int
    score: float


def best_first(ranks: torch.Tensor, scores: torch.Tensor, expected: int) -> Iterator[Candidate]:
    """The candidates by falling `ranks` [W, V], the lower row and then the lower token first among equals.

    Each has its value of `scores` [W, V]. What is -inf in `ranks` never comes. About `expected` are asked for, which
    saves sorting the vocabulary; more come where they are.
    """
    flat, width = ranks.flatten(), ranks.shape[1]
    possible = int(flat.isfinite().sum())
    given = 0
    while given < possible:
        # The order is total, so a longer list begins with the shorter one.
        count = min(max(expected, 2 * given), possible)
        cutoff = flat.topk(count).values[-1:]
        best = leading(flat.unsqueeze(0), cutoff.unsqueeze(0), torch.tensor([[count]], device=flat.device))
        places = best.squeeze(0).nonzero().squeeze(1)
        places = places[flat[places].sort(descending=True, stable=True).indices][given:]
        for place, score in zip(places.tolist(), scores.flatten()[places].tolist(), strict=True):
            yield Candidate(place // width, place % width, score)
        given = count


def normalised(total: float, length: int, length_penalty: float) -> float:
    """The score of a text of `length` tokens whose log-probabilities add up to `total`."""
    return total / math.pow(max(length, 1), length_penalty)


def whole_as_they_are(scores: Sequence[float]) -> SearchStep:
    """The end of a search whose rows are full: each is a text, with its score."""
    return SearchStep(finished=[Hypothesis(row, None, score) for row, score in enumerate(scores)], done=True)
