"""Rows that are drawn, and know nothing of what a token means."""

from __future__ import annotations

import torch

from zaoju import Initialiser, NewTokens, Options


class NormalRows(Initialiser[Options]):
    """Drawn from the multivariate normal distribution with the mean and the covariance of the old rows.

    Hewitt, 2021, "Initializing New Word Embeddings for Pretrained Language Models": the new tokens then take little
    probability from the old ones. transformers' `resize_token_embeddings` does it with a covariance made far smaller.
    """

    def rows(self, matrix: torch.Tensor, tokens: NewTokens) -> torch.Tensor:
        mean = matrix.mean(dim=0)
        centred = (matrix - mean).double()
        covariance = centred.T @ centred / max(len(matrix) - 1, 1)
        # A root by eigenvalues, as there may be fewer old rows than numbers in one.
        values, vectors = torch.linalg.eigh(covariance)
        root = vectors * values.clamp(min=0).sqrt()
        drawn = torch.randn(len(tokens), matrix.shape[1], generator=_generator(tokens), dtype=torch.float64)
        made: torch.Tensor = mean + (drawn @ root.T).float()
        return made


class RandomRows(Initialiser[Options]):
    """Drawn from the normal distribution around zero with the deviation of the old matrix, as in a new model."""

    def rows(self, matrix: torch.Tensor, tokens: NewTokens) -> torch.Tensor:
        drawn = torch.randn(len(tokens), matrix.shape[1], generator=_generator(tokens))
        return drawn * matrix.std()


def _generator(tokens: NewTokens) -> torch.Generator:
    return torch.Generator().manual_seed(tokens.seed)
