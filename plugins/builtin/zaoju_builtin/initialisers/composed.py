"""Rows composed as the model composes tokens that it knows."""

from __future__ import annotations

import torch

from zaoju import Initialiser, NewTokens
from zaoju_builtin.initialisers.options import ComposedOptions
from zaoju_builtin.initialisers.ties import break_ties

_LEAST_EXAMPLES = 16


class ComposedRows(Initialiser[ComposedOptions]):
    """Learns from the old vocabulary how the row of a token follows from the rows of its two parts, then applies it.

    Most old tokens are two shorter ones joined. Two matrices, one for the left part and one for the right, and a
    constant are fitted to those by ridge regression, as Zanzotto et al., 2010, "Estimating Linear Models for
    Compositional Distributional Semantics", do for phrases, and Khodak et al., 2018, "A La Carte Embedding", for new
    words. The fit leans on the plain mean, which it is where there are no examples. A longer word is composed from left
    to right, so order counts.
    """

    def rows(self, matrix: torch.Tensor, tokens: NewTokens) -> torch.Tensor:
        left, right, constant = self._fit(matrix, tokens)
        made = matrix[[parts[0] for parts in tokens.parts]].clone()
        longest = max(map(len, tokens.parts))
        for place in range(1, longest):
            going = [number for number, parts in enumerate(tokens.parts) if len(parts) > place]
            others = matrix[[tokens.parts[number][place] for number in going]]
            made[going] = made[going] @ left + others @ right + constant
        return break_ties(made, matrix, self.options.noise, tokens.seed)

    def _fit(self, matrix: torch.Tensor, tokens: NewTokens) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """[width, width], [width, width] and [width]: what is added up for a left and a right part."""
        width = matrix.shape[1]
        half = torch.eye(width) / 2
        if len(tokens.splits) < _LEAST_EXAMPLES:
            return half, half, torch.zeros(width)
        whole, first, second = torch.tensor(tokens.splits).T
        inputs = torch.cat([matrix[first], matrix[second]], dim=1)
        # What the mean of the parts leaves unexplained; a ridge on it draws the fit to the mean.
        rest = matrix[whole] - (matrix[first] + matrix[second]) / 2
        centre, middle = inputs.mean(dim=0), rest.mean(dim=0)
        centred = (inputs - centre).double()
        products = centred.T @ centred
        products += self.options.ridge * products.diagonal().mean() * torch.eye(2 * width, dtype=torch.float64)
        change = torch.linalg.solve(products, centred.T @ (rest - middle).double()).float()
        return half + change[:width], half + change[width:], middle - centre @ change
