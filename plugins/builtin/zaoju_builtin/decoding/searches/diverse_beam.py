"""Diverse beam search."""

from __future__ import annotations

import torch

from zaoju.contracts import Search, SearchContext, SearchStep
from zaoju_builtin.decoding.searches.beam_groups import BeamGroups
from zaoju_builtin.decoding.searches.options import DiverseBeamOptions


class DiverseBeam(Search[DiverseBeamOptions]):
    """Beam search in `beam_groups` groups of equal size, which choose one after the other at each step.

    For each text that an earlier group continues or ends with a token at this step, `diversity_penalty` is taken from
    the rank of the candidates with that token (Hamming diversity). The penalty only decides which candidates a group
    takes: scores stay sums of log-probabilities, and later steps do not remember it. Each group has its own whole texts
    and its own end, by the rules of `beam`; the best text of all groups is given. With one group it is `beam`.

    Vijayakumar et al., "Diverse Beam Search: Decoding Diverse Solutions from Neural Sequence Models", 2016
    (arXiv 1610.02424).
    """

    def __init__(self, options: DiverseBeamOptions) -> None:
        super().__init__(options)
        self._groups = BeamGroups(options.beam_groups, options.diversity_penalty, options)

    @property
    def width(self) -> int:
        return self.options.beams

    def step(self, logits: torch.Tensor, context: SearchContext) -> SearchStep:
        return self._groups.step(logits, context)
