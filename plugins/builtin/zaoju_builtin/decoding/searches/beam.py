"""Beam search."""

from __future__ import annotations

import torch

from zaoju.contracts import Search, SearchContext, SearchStep
from zaoju_builtin.decoding.searches.beam_groups import BeamGroups
from zaoju_builtin.decoding.searches.options import BeamOptions


class Beam(Search[BeamOptions]):
    """Keeps the `beams` most probable texts side by side, and gives the whole one with the best score.

    - The score of a text is the sum of the log-probabilities of its generated tokens, divided by their number to the
      power `length_penalty`. The token that ends the text counts, the prompt does not. The log-probabilities are the
      log-softmax of the logits as the chain left them, so each step's add up to 1.
    - At each step all continuations of all rows are put in one order: by the sum of log-probabilities, then the lower
      row, then the lower token. Those among the first `beams` that end their text are whole; of the others the first
      `beams` go on. Removed tokens are never taken, so there may be fewer. Where no room is left, the first `beams`
      are whole.
    - The search is over when no row is left. With `beams` whole texts it also ends, by `early_stopping`: at once
      (`true`); when the best row, divided by its present length to the power, is no better than the worst of the best
      `beams` whole texts (`false`, a heuristic where `length_penalty` is above 0, as more length may still lift it); or
      when no continuation can be better, as the greatest length that there is room for would not lift it (`never`).

    With one beam the text is the greedy one, unless `never` lets a worse beginning catch up by its length.

    The rules are those of transformers' `generate(num_beams=...)`, where rows also end by stop strings.
    """

    def __init__(self, options: BeamOptions) -> None:
        super().__init__(options)
        self._groups = BeamGroups(1, 0.0, options)

    @property
    def width(self) -> int:
        return self.options.beams

    def step(self, logits: torch.Tensor, context: SearchContext) -> SearchStep:
        return self._groups.step(logits, context)
