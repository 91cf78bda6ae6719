"""What beam search and diverse beam search share: groups of beams, each with its own whole texts and its own end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from zaoju.contracts import Hypothesis, SearchContext, SearchStep
from zaoju_builtin.decoding.searches.candidates import Candidate, best_first, normalised, whole_as_they_are
from zaoju_builtin.decoding.searches.options import BeamOptions


class BeamGroup:
    """Some live rows next to one another, which compete only among themselves."""

    def __init__(self, size: int, options: BeamOptions) -> None:
        self._size = size
        self._options = options
        self._whole: list[float] = []
        """The scores of the best whole texts, best first, at most `size`."""
        self.first = 0
        """The first of the group's rows; the search sets it, as it depends on the groups before."""
        self.totals = [0.0]
        """For each row of the group the sum of its log-probabilities; empty when the group has come to its end."""

    def step(
        self, log_probabilities: torch.Tensor, penalties: torch.Tensor, context: SearchContext
    ) -> tuple[list[Candidate], list[Candidate]]:
        """The group's new rows, with their sums, and its texts that are whole now, with their scores.

        `log_probabilities` [W, V] float64 are those of all rows; `penalties` [V] change the ranks, not the scores.
        """
        own = log_probabilities[self.first : self.first + len(self.totals)]
        scores = own + torch.tensor(self.totals, dtype=torch.float64, device=own.device).unsqueeze(1)
        live, ending = self._take(scores - penalties, scores, context)
        length = context.index + 1
        whole = [replace(one, score=normalised(one.score, length, self._options.length_penalty)) for one in ending]
        self._whole = sorted([*self._whole, *(one.score for one in whole)], reverse=True)[: self._size]
        if self._is_over(live, length, context.index + context.room):
            live = []
        self.totals = [one.score for one in live]
        return live, whole

    def _take(
        self, ranks: torch.Tensor, scores: torch.Tensor, context: SearchContext
    ) -> tuple[list[Candidate], list[Candidate]]:
        """The best candidates that go on, at most `size`, and those among the best `size` of all that end their text.

        An end below that rank is lost: else poor texts, one for each row, would soon fill the list of whole ones.
        """
        live: list[Candidate] = []
        ending: list[Candidate] = []
        for rank, one in enumerate(best_first(ranks, scores, 2 * self._size)):
            if len(live) == self._size or (context.room == 1 and rank == self._size):
                break
            candidate = replace(one, row=self.first + one.row)
            if context.room > 1 and not context.ends(candidate.row, candidate.token):
                live.append(candidate)
            elif rank < self._size:
                ending.append(candidate)
        return live, ending

    def _is_over(self, live: Sequence[Candidate], length: int, longest: int) -> bool:
        """Whether the group need not go on. Without `size` whole texts it must."""
        if not live or len(self._whole) < self._size:
            return not live
        if self._options.early_stopping is True:
            return True
        grows = self._options.early_stopping == "never" and self._options.length_penalty > 0
        reach = longest if grows else length
        best = max(one.score for one in live)
        return normalised(best, reach, self._options.length_penalty) <= self._whole[-1]


class BeamGroups:
    """The groups of one search, stepped one after the other so that each sees what the earlier ones took."""

    def __init__(self, groups: int, diversity_penalty: float, options: BeamOptions) -> None:
        self._groups = [BeamGroup(options.beams // groups, options) for _ in range(groups)]
        self._diversity_penalty = diversity_penalty
        self._length_penalty = options.length_penalty

    def step(self, logits: torch.Tensor, context: SearchContext) -> SearchStep:
        """What `Search.step` does."""
        if context.room == 0:
            return whole_as_they_are(self._scores(len(logits), context.index))
        log_probabilities = logits.double().log_softmax(dim=1)
        taken = torch.zeros(logits.shape[1], dtype=torch.float64, device=logits.device)
        rows: list[int] = []
        tokens: list[int] = []
        finished: list[Hypothesis] = []
        for group in self._groups:
            if not group.totals:
                continue
            live, whole = group.step(log_probabilities, taken * self._diversity_penalty, context)
            group.first = len(rows)
            rows += [one.row for one in live]
            tokens += [one.token for one in live]
            finished += [Hypothesis(one.row, one.token, one.score) for one in whole]
            for one in (*live, *whole):
                taken[one.token] += 1
        return SearchStep(rows, tokens, finished, done=not rows)

    def _scores(self, rows: int, length: int) -> list[float]:
        """The score of each live row as it is; at the start the groups share one row."""
        totals = [0.0] * rows
        for group in self._groups:
            totals[group.first : group.first + len(group.totals)] = group.totals
        return [normalised(total, length, self._length_penalty) for total in totals]
