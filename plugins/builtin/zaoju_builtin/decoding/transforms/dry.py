"""DRY: do not repeat yourself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

import torch

from zaoju import StepContext, TokenTable, Transform
from zaoju_builtin.decoding.transforms.history_options import LONGEST_MATCH
from zaoju_builtin.decoding.transforms.past import in_window, matches
from zaoju_builtin.decoding.transforms.vocabulary_bytes import VocabularyBytes

if TYPE_CHECKING:
    from zaoju.contracts import Columns

_LARGEST_PENALTY = 1e6
"""Beyond any logit, and small enough that float32 tells two tokens apart that both lose it."""


class DRY(Transform):
    """Holds back the token that would go on a repetition: the more, the longer the repetition is already.

    Where the last m tokens stand earlier too, the token that follows there loses
    `dry_multiplier` · `dry_base`^(m - `dry_allowed_length`), provided that m reaches `dry_allowed_length`. Of several
    such places the longest repetition counts, and of a repetition at most 128 tokens. A token whose text contains one
    of the `dry_breakers` ends a repetition and is never held back; a breaker that no single token contains ends none.
    `dry_window` is how many of the last tokens are looked at, 0 for all. 0 as `dry_multiplier` changes nothing.

    Philipp Emanuel Weidmann, text-generation-webui pull request 5677, 2024; llama.cpp's rule. Needs a byte-level
    vocabulary.
    """

    neutral: ClassVar[Mapping[str, object]] = {"dry_multiplier": 0.0}

    def prepare(self, options: Mapping[str, object], prompt: Sequence[int], table: TokenTable) -> Columns:
        breakers = tuple(sorted(cast("list[str]", options["dry_breakers"])))
        return {"breaking": table.derived(("dry", breakers), partial(_breaking, breakers))}

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        history, width = context.history, logits.shape[1]
        # Padding is a column of its own beyond the vocabulary.
        breaking = torch.zeros(len(logits), width + 1, dtype=torch.bool, device=logits.device)
        breaking = breaking.scatter(1, options["breaking"].masked_fill(options["breaking"] < 0, width), True)
        tokens = history.tokens.masked_fill(~history.valid, 0)
        usable = in_window(history, options["dry_window"]) & ~breaking.gather(1, tokens)
        penalties = _penalties(matches(history, usable, LONGEST_MATCH), options).masked_fill(~usable, 0)
        largest = torch.zeros(len(logits), width, dtype=penalties.dtype, device=logits.device)
        largest = largest.scatter_reduce(1, tokens, penalties, "amax").gather(1, tokens)
        before = logits.gather(1, tokens)
        return logits.scatter(1, tokens, torch.where(largest > 0, before - largest, before))


def _penalties(lengths: torch.Tensor, options: Columns) -> torch.Tensor:
    """[N, L] float32: what a token loses for going on repetitions of the `lengths` [N, L]."""
    beyond = lengths - options["dry_allowed_length"].unsqueeze(1)
    # At most 100 to the power of 127, which float64 can hold.
    grown = options["dry_base"].unsqueeze(1) ** beyond.clamp(min=0)
    penalties = (options["dry_multiplier"].unsqueeze(1) * grown).clamp(max=_LARGEST_PENALTY)
    return penalties.masked_fill(beyond < 0, 0).float()


def _breaking(breakers: tuple[str, ...], table: TokenTable) -> torch.Tensor:
    """[B] int64: the tokens that contain a breaker."""
    vocabulary = table.derived("vocabulary_bytes", VocabularyBytes)
    tokens = {token for breaker in breakers for token in vocabulary.containing(breaker.encode())}
    return torch.tensor(sorted(tokens), dtype=torch.int64)
