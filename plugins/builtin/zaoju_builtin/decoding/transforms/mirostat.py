"""Mirostat 2: a text whose tokens are as surprising as was asked for, on average."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch

from zaoju import StepContext, Transform

if TYPE_CHECKING:
    from zaoju.contracts import Columns


class Mirostat(Transform):
    """Removes tokens that are more surprising than a bound, which each chosen token moves towards `mirostat_tau` bits.

    The surprise of a token is -log2 p. The bound begins at twice `mirostat_tau`; the most probable token, the lowest id
    among equals, stays in any case. After a token whose surprise among those that stayed is S, the bound falls by
    `mirostat_eta` (S - `mirostat_tau`). 0 as `mirostat_tau` keeps all.

    Basu et al., "Mirostat: A Neural Text Decoding Algorithm That Directly Controls Perplexity", 2021
    (arXiv 2007.14966); version 2 as in llama.cpp.
    """

    neutral: ClassVar[Mapping[str, object]] = {"mirostat_tau": 0.0}
    keeps_argmax = True
    only_removes = True

    def init_state(self, options: Columns) -> Columns:
        return {"mu": 2 * options["mirostat_tau"]}

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        active = options["mirostat_tau"].unsqueeze(1) > 0
        best = logits.argmax(dim=1, keepdim=True)
        removed = (_surprises(logits) > context.state["mu"].unsqueeze(1)).scatter(1, best, False)
        return logits.masked_fill(removed & active, float("-inf"))

    def observe(
        self, state: Columns, tokens: torch.Tensor, before: torch.Tensor, after: torch.Tensor, options: Columns
    ) -> Columns:
        surprise = _surprises(after).gather(1, tokens.unsqueeze(1)).squeeze(1)
        tau = options["mirostat_tau"]
        # What a search takes although it was removed says nothing of the bound.
        error = torch.where(surprise.isfinite(), surprise - tau, 0.0)
        return {"mu": state["mu"] - options["mirostat_eta"] * error}


def _surprises(logits: torch.Tensor) -> torch.Tensor:
    """[N, V] float64: how surprising each token is, in bits."""
    return logits.double().log_softmax(dim=1) / -math.log(2)
