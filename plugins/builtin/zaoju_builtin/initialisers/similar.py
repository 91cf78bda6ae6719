"""Rows from the rows of old tokens that are used alike."""

from __future__ import annotations

import torch

from zaoju import Initialiser, NewTokens, UserError
from zaoju_builtin.initialisers.company import company_in, vectors
from zaoju_builtin.initialisers.options import SimilarOptions
from zaoju_builtin.initialisers.ties import break_ties

_ROWS_AT_ONCE = 1024


class SimilarTokens(Initialiser[SimilarOptions]):
    """A weighted mean of the rows of old tokens that stand in the same company in the corpus (FOCUS).

    Dobler and de Melo, 2023, "FOCUS: Effective Embedding Initialization for Monolingual Specialization of Multilingual
    Models": a small space of vectors is learned from the corpus as the new tokenizer cuts it, where old and new tokens
    stand side by side, and the weights are the sparsemax of a new token's cosines to the old ones. There the space
    comes from fastText; here from counts of neighbours, which needs no other package and is the same every time.

    A token that is seen fewer than `least` times gets the mean of its parts. Raises `UserError` without a corpus.
    """

    def rows(self, matrix: torch.Tensor, tokens: NewTokens) -> torch.Tensor:
        options, old = self.options, len(matrix)
        company = company_in(tokens.documents(), old + len(tokens), options.window, options.most_tokens)
        if not len(company.counts):
            raise UserError(
                "the initialiser similar_tokens learns from a corpus, and there is no text in it: give one, or choose "
                "another initialiser"
            )
        space = vectors(company, options.width, tokens.seed)
        frequent = torch.from_numpy(company.frequencies >= options.least)
        anchors, wanted = frequent[:old].nonzero()[:, 0], frequent[old:].nonzero()[:, 0]
        made = torch.stack([matrix[sorted(parts)].mean(dim=0) for parts in tokens.parts])
        if len(anchors):
            for start in range(0, len(wanted), _ROWS_AT_ONCE):
                some = wanted[start : start + _ROWS_AT_ONCE]
                made[some] = sparsemax(space[old + some] @ space[anchors].T) @ matrix[anchors]
        return break_ties(made, matrix, options.noise, tokens.seed)


def sparsemax(scores: torch.Tensor) -> torch.Tensor:
    """[N, K] weights of at least 0 with sum 1 in each row, most of them 0: the nearest to `scores` [N, K].

    Martins and Astudillo, 2016, "From Softmax to Sparsemax".
    """
    ordered = scores.sort(dim=1, descending=True).values
    places = torch.arange(1, scores.shape[1] + 1)
    sums = ordered.cumsum(dim=1)
    kept = (1 + places * ordered > sums).sum(dim=1, keepdim=True)
    threshold = (sums.gather(1, kept - 1) - 1) / kept
    return (scores - threshold).clamp(min=0)
