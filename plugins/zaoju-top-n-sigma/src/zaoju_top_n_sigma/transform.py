"""Top-nσ sampling: Tang et al., "Top-nσ: Not All Logits Are You Need", 2024 (arXiv 2411.07641)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch

from zaoju import StepContext, Transform


class TopNSigma(Transform):
    """Keeps the tokens whose logit is at most n standard deviations below the largest.

    The deviation is that of the population of finite logits, so tokens that an earlier transform removed do not count.
    """

    neutral: ClassVar[Mapping[str, float]] = {"top_n_sigma": 0.0}
    keeps_argmax = True

    def apply(self, logits: torch.Tensor, options: Mapping[str, torch.Tensor], context: StepContext) -> torch.Tensor:
        n = options["top_n_sigma"].unsqueeze(1)
        missing = ~logits.isfinite()
        count = (~missing).sum(dim=1, keepdim=True)
        mean = logits.double().masked_fill(missing, 0).sum(dim=1, keepdim=True) / count
        distance = (logits - mean).masked_fill(missing, 0)
        sigma = (distance.square().sum(dim=1, keepdim=True) / count).sqrt()
        threshold = logits.amax(dim=1, keepdim=True) - n * sigma
        return logits.masked_fill((logits < threshold) & (n > 0), float("-inf"))
