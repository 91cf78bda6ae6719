"""Contrastive search."""

from __future__ import annotations

from itertools import islice

import torch

from zaoju.contracts import Hypothesis, Search, SearchContext, SearchStep
from zaoju_builtin.decoding.searches.candidates import Candidate, best_first
from zaoju_builtin.decoding.searches.options import ContrastiveOptions


class Contrastive(Search[ContrastiveOptions]):
    """Takes a probable token whose hidden state is unlike those before it, so that the text does not turn in circles.

    Of the `contrastive_top_k` most probable tokens the one with the greatest
    `(1 - contrastive_alpha) * probability - contrastive_alpha * likeness` is taken, where likeness is the largest
    cosine between the model's last hidden state at the token and those at all tokens before, prompt included. Among
    equals the more probable one is taken, then the lower id; with `contrastive_alpha` 0 the text is the greedy one.

    The likeness needs the model's answer to the token, so the live rows are one token ahead: each ends in a candidate,
    and the next step keeps one of them, also where the candidate ends the text. There is only one text, with score 0.

    Su et al., "A Contrastive Framework for Neural Text Generation", 2022 (arXiv 2202.06417).
    """

    def __init__(self, options: ContrastiveOptions) -> None:
        super().__init__(options)
        self._candidates: list[Candidate] = []
        """For each live row the candidate in which it ends, with its probability; none before the first step."""
        self._ending: list[bool] = []
        """For each live row whether its candidate ends the text."""

    @property
    def width(self) -> int:
        return self.options.contrastive_top_k

    def step(self, logits: torch.Tensor, context: SearchContext) -> SearchStep:
        row = self._best(context) if self._candidates else 0
        if context.room == 0 or (self._candidates and self._ending[row]):
            return SearchStep(finished=[Hypothesis(row, None, 0.0)], done=True)
        ranks = logits[row : row + 1]
        count = self.options.contrastive_top_k
        self._candidates = list(islice(best_first(ranks, ranks.double().softmax(dim=1), count), count))
        self._ending = [context.ends(row, one.token) for one in self._candidates]
        return SearchStep([row] * len(self._candidates), [one.token for one in self._candidates])

    def _best(self, context: SearchContext) -> int:
        """The live row to go on from."""
        states = [context.hidden(row) for row in range(len(self._candidates))]
        # All rows have the same tokens but for the last one.
        earlier = torch.nn.functional.normalize(states[0][:-1].double(), dim=1)
        newest = torch.nn.functional.normalize(torch.stack([state[-1] for state in states]).double(), dim=1)
        likeness = (newest @ earlier.T).amax(dim=1)
        probabilities = likeness.new_tensor([one.score for one in self._candidates])
        alpha = self.options.contrastive_alpha
        return int(((1 - alpha) * probabilities - alpha * likeness).argmax())
