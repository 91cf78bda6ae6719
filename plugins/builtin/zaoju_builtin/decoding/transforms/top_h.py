"""Top-H sampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch

from zaoju import StepContext, Transform
from zaoju_builtin.decoding.transforms.ranking import keep_leading

if TYPE_CHECKING:
    from zaoju.contracts import Columns

_MOST = 100


class TopH(Transform):
    """Keeps the most probable tokens that together have at most the share `top_h` of the entropy. 1 keeps all.

    The entropy is that of the 100 most probable tokens, and no others are kept, as in transformers and in the authors'
    code. Each token adds -p log p. Tokens are taken by falling probability, the lower id first among equals; the first
    always stays.

    Baghaei Potraghloo et al., "Top-H Decoding: Adapting the Creativity and Coherence with Bounded Entropy in Text
    Generation", 2025 (arXiv 2509.02510).
    """

    neutral: ClassVar[Mapping[str, object]] = {"top_h": 1.0}
    keeps_argmax = True
    only_removes = True

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        top_h = options["top_h"].unsqueeze(1)
        leaders = logits.topk(min(_MOST, logits.shape[1]), dim=1).values
        probabilities = leaders.double().softmax(dim=1)
        spent = torch.special.entr(probabilities).cumsum(dim=1)
        fits = (spent <= top_h * spent[:, -1:]) & (probabilities > 0)
        count = fits.sum(dim=1, keepdim=True).clamp(min=1)
        return keep_leading(logits, leaders.gather(1, count - 1), count, top_h >= 1)
