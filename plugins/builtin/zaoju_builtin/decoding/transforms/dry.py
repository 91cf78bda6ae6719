"""DRY: do not repeat yourself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

import torch

from zaoju import StepContext, TokenTable, Transform
from zaoju_builtin.decoding.transforms.past import in_window, matches
from zaoju_builtin.decoding.transforms.vocabulary_bytes import VocabularyBytes

if TYPE_CHECKING:
    from zaoju.contracts import Columns

LONGEST_MATCH = 128
"""Longer repetitions are held back no further; the penalty is far beyond any logit by then."""

_LARGEST_PENALTY = 1e6
"""Keeps apart what else distinguishes two tokens that both go on a repetition, which float32 would lose."""


class DRY(Transform):
    """Holds back the token that would go on a repetition: the more, the longer the repetition is already.

    Where the last m tokens stand earlier too, the token that follows there loses multiplier · base^(m − allowed length)
    from `dry_allowed_length` tokens on. A token whose text contains one of the `dry_breakers` ends a repetition, and is
    never held back itself. So a refrain costs something, and names and set phrases do not.

    By p-e-w, "DRY: A modern repetition penalty" (text-generation-webui #5677); llama.cpp #9702.
    """

    neutral: ClassVar[Mapping[str, object]] = {"dry_multiplier": 0.0}

    def prepare(self, options: Mapping[str, object], prompt: Sequence[int], table: TokenTable) -> Columns:
        breakers = tuple(cast("list[str]", options["dry_breakers"]))

        def breaking(table: TokenTable) -> torch.Tensor:
            words = table.derived("vocabulary_bytes", VocabularyBytes)
            tokens = {token for breaker in breakers for token in words.containing(breaker.encode())}
            return torch.tensor(sorted(tokens), dtype=torch.int64)

        return {"breaking": table.derived(("dry", breakers), breaking)}

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        history, width = context.history, logits.shape[1]
        breaking = torch.zeros(len(logits), width + 1, dtype=torch.bool, device=logits.device)
        breaking = breaking.scatter(1, options["breaking"].masked_fill(options["breaking"] < 0, width), True)
        # Padding after the history is any token; it is told apart by `valid`, and here it must only be a column.
        tokens = history.tokens.masked_fill(~history.valid, width)
        usable = in_window(history, options["dry_window"]) & ~breaking.gather(1, tokens)
        length = matches(history, usable, LONGEST_MATCH)
        penalty = _penalty(length, options)
        # The longest repetition that a token goes on counts, so the largest of its penalties.
        penalised = torch.zeros(len(logits), width + 1, dtype=penalty.dtype, device=logits.device)
        places = history.tokens.masked_fill(~usable, width)
        penalised = penalised.scatter_reduce(1, places, penalty, "amax")[:, :width]
        return torch.where(penalised > 0, logits - penalised, logits)


def _penalty(length: torch.Tensor, options: Columns) -> torch.Tensor:
    """[N, L] float32: what a token loses at a place that so many tokens before it match."""
    beyond = (length - options["dry_allowed_length"].unsqueeze(1)).double()
    grown = options["dry_base"].unsqueeze(1).pow(beyond.clamp(min=0))
    penalty = (options["dry_multiplier"].unsqueeze(1) * grown).clamp(max=_LARGEST_PENALTY)
    return penalty.masked_fill(beyond < 0, 0).float()
