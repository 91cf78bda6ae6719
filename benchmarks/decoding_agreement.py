"""Whether a way computes the same model: a peer that computes something else is no peer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from decoding_models import Prompt
from measuring import Network

CHECKED = 4
"""How many texts of a batch are looked at."""

MOST = 0.02
"""How far below the most probable token a choice may lie where float32 is computed, in standard deviations of the
logits. Rounding, and llama.cpp's table for GELU, stay below a hundredth; another model is off by several."""


@dataclass(frozen=True)
class Agreement:
    """How greedy texts compare with those of the reference."""

    same: float
    """The share of tokens before the first that differs from the reference's text."""

    gap: float
    """How far a chosen token's logit lies below the highest at worst, under the reference after the same tokens, in
    standard deviations of the logits. Where two tokens are nearly as probable, any of them is right."""

    def __str__(self) -> str:
        return f"{self.same:.0%}, gap {self.gap:.3f}"


@torch.inference_mode()
def agreement(
    network: Network,
    end_of_text: int,
    prompts: Sequence[Prompt],
    texts: Sequence[Sequence[int]],
    reference: Sequence[Sequence[int]],
) -> Agreement:
    """Compare greedy `texts` with the `reference` texts, and each of their tokens with what `network` finds best."""
    same, gaps = [], [0.0]
    for prompt, text, other in list(zip(prompts, texts, reference, strict=True))[:CHECKED]:
        differs = (place for place, (a, b) in enumerate(zip(text, other, strict=True)) if a != b)
        same.append(next(differs, len(text)) / len(text))
        ids = torch.tensor([[*prompt.tokens, *text]], device=network.device)
        logits = network(ids[:, :-1], logits_to_keep=len(text)).logits[0].float()
        # Nobody was allowed to end a text.
        best = logits.index_fill(1, torch.tensor([end_of_text], device=logits.device), float("-inf")).amax(dim=1)
        chosen = logits.gather(1, ids[0, -len(text) :, None])[:, 0]
        gaps.append(float(((best - chosen) / logits.std(dim=1)).max()))
    return Agreement(sum(same) / len(same), max(gaps))
