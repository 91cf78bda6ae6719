"""Rows from the rows of the tokens that were written until now."""

from __future__ import annotations

from abc import abstractmethod
from typing import TypeVar

import torch

from zaoju import Initialiser, NewTokens
from zaoju_builtin.initialisers.options import TieOptions, WeightedOptions
from zaoju_builtin.initialisers.ties import break_ties

T_co = TypeVar("T_co", bound=TieOptions, covariant=True)


class WeightedSum(Initialiser[T_co]):
    """A weighted mean of the parts' rows. The order of equal weights does not matter, so ties come, and are broken."""

    @abstractmethod
    def weights(self, count: int) -> torch.Tensor:
        """[count] float32: what each of so many parts weighs, in any unit."""

    def rows(self, matrix: torch.Tensor, tokens: NewTokens) -> torch.Tensor:
        made = torch.empty(len(tokens), matrix.shape[1])
        for place, parts in enumerate(tokens.parts):
            weights = self.weights(len(parts))
            # In the order of the ids: what differs by rounding alone is equal, and must be seen as that.
            order = sorted(range(len(parts)), key=lambda part: (parts[part], float(weights[part])))
            made[place] = (weights / weights.sum())[order] @ matrix[[parts[part] for part in order]]
        return break_ties(made, matrix, self.options.noise, tokens.seed)


class MeanOfParts(WeightedSum[TieOptions]):
    """The mean of the parts' rows, the usual strong baseline (Hewitt, 2021; Gee et al., 2022, "Fast Vocabulary
    Transfer"). Characters of the same bytes in another order get one row, which GPT-2 gives to one common hanzi in
    seven; those are moved apart."""

    def weights(self, count: int) -> torch.Tensor:
        return torch.ones(count)


class WeightedParts(WeightedSum[WeightedOptions]):
    """A mean in which each part weighs `ratio` times as much as the one before, so that order counts.

    With a ratio above 1 the last parts count most: in UTF-8 the first byte of a hanzi says next to nothing.
    """

    def weights(self, count: int) -> torch.Tensor:
        # Counted from the greatest, so that nothing overflows in a long word.
        powers = torch.arange(count, dtype=torch.float32)
        return self.options.ratio ** (powers - (count - 1 if self.options.ratio > 1 else 0))


class LastPart(WeightedSum[TieOptions]):
    """The row of the last part, where a causal model has read the whole word and knows what comes after it.

    Its ties are many, as few bytes end a character, and are broken.
    """

    def weights(self, count: int) -> torch.Tensor:
        weights = torch.zeros(count)
        weights[-1] = 1
        return weights
