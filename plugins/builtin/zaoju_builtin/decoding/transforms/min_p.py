"""Min-p sampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from zaoju import StepContext, Transform
from zaoju_builtin.decoding.transforms.host_rows import keep_at_least, looks_are_free

if TYPE_CHECKING:
    from zaoju.contracts import Columns


class MinP(Transform):
    """Keeps the tokens whose probability is at least the share `min_p` of the most probable token's. 0 keeps all.

    A threshold does not rank, so tokens that are equally probable stay or go together.

    Nguyen et al., "Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM Outputs", 2024 (arXiv 2407.01082).
    """

    neutral: ClassVar[Mapping[str, object]] = {"min_p": 0.0}
    keeps_argmax = True
    only_removes = True

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        # Ratios of probabilities are differences of logits, so nothing need be normalised.
        share = options["min_p"].log()
        if looks_are_free(logits):
            return keep_at_least(logits, _least(logits.numpy().max(axis=1), share.numpy()))
        below_best = logits.double() - logits.amax(dim=1, keepdim=True)
        return logits.masked_fill(below_best < share.unsqueeze(1), float("-inf"))


def _least(best: npt.NDArray[np.float32], below: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """[N]: for each row the least number that lies, in float64, no further under `best` [N] than `below` [N].

    It is the one nearest to their sum, or a neighbour of that.
    """
    top = best.astype(np.float64)
    middle = (top + below).astype(np.float32)
    least = np.nextafter(middle, np.float32(np.inf))
    for number in (middle, np.nextafter(middle, np.float32(-np.inf))):
        least = np.where(number - top < below, least, number)
    return least
