"""Best of n."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from zaoju.contracts import Branch, Hypothesis, Search, SearchContext, SearchStep
from zaoju_builtin.decoding.searches.candidates import normalised, whole_as_they_are
from zaoju_builtin.decoding.searches.options import BestOfNOptions


class BestOfN(Search[BestOfNOptions]):
    """Draws `best_of` texts, each with random numbers of its own, and keeps the one that the model finds best.

    The score of a text is the sum of the log-probabilities of its generated tokens by the model's own logits, before
    any transform, divided by their number to the power `length_penalty`; the token that ends the text counts. Each text
    is one that the same chain and selector write without a search, so one of one is exactly the plain text.
    """

    def __init__(self, options: BestOfNOptions) -> None:
        super().__init__(options)
        self._totals = [0.0] * options.best_of

    @property
    def width(self) -> int:
        return self.options.best_of

    def begin(self) -> Sequence[Branch]:
        return [Branch(sample) for sample in range(self.options.best_of)]

    def step(self, logits: torch.Tensor, context: SearchContext) -> SearchStep:
        if context.room == 0:
            return whole_as_they_are([self._score(total, context.index) for total in self._totals])
        chosen = context.select(logits)
        gains = context.raw.double().log_softmax(dim=1).gather(1, chosen.unsqueeze(1)).squeeze(1).tolist()
        rows: list[int] = []
        tokens: list[int] = []
        totals: list[float] = []
        finished: list[Hypothesis] = []
        for row, (token, gain, before) in enumerate(zip(chosen.tolist(), gains, self._totals, strict=True)):
            total = before + gain
            if context.room == 1 or context.ends(row, token):
                finished.append(Hypothesis(row, token, self._score(total, context.index + 1)))
            else:
                rows.append(row)
                tokens.append(token)
                totals.append(total)
        self._totals = totals
        return SearchStep(rows, tokens, finished, done=not rows)

    def _score(self, total: float, length: int) -> float:
        return normalised(total, length, self.options.length_penalty)
