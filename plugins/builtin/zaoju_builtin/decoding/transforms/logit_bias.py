"""Tokens that the user wants more or less of."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

import torch

from zaoju import StepContext, TokenTable, Transform, UserError

if TYPE_CHECKING:
    from zaoju.contracts import Columns

_ID = re.compile(r"id:([0-9]{1,18})")


class LogitBias(Transform):
    """Adds a number to the logits of the tokens in `logit_bias`. Removed tokens stay removed. {} changes nothing.

    A key is the text of a token, which must be exactly one in the vocabulary, or the token's number as `id:1234`.
    """

    neutral: ClassVar[Mapping[str, object]] = {"logit_bias": {}}

    def prepare(self, options: Mapping[str, object], prompt: Sequence[int], table: TokenTable) -> Columns:
        biases: dict[int, float] = {}
        keys: dict[int, str] = {}
        for key, bias in cast("dict[str, float]", options["logit_bias"]).items():
            token = _token(key, table)
            if token in keys:
                raise UserError(
                    f"logit_bias: {keys[token]!r} and {key!r} are both the token {token}; keep one of the two"
                )
            keys[token], biases[token] = key, bias
        return {
            "biased": torch.tensor(list(biases), dtype=torch.int64),
            "bias": torch.tensor(list(biases.values()), dtype=torch.float32),
        }

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        rows, width = logits.shape
        # Padding adds 0 to a token that may have a bias of its own, so all are added up first.
        tokens = options["biased"].clamp(min=0)
        added = torch.zeros(rows, width, dtype=logits.dtype, device=logits.device)
        bias = added.scatter_add(1, tokens, options["bias"]).gather(1, tokens)
        before = logits.gather(1, tokens)
        # 0 is not added, as it would make 0 of -0.
        return logits.scatter(1, tokens, torch.where(bias != 0, before + bias, before))


def _token(key: str, table: TokenTable) -> int:
    """The token that a key names. Raises `UserError` where it names none, or several."""
    number = _ID.fullmatch(key)
    if number is not None:
        token = int(number[1])
        if token >= table.size:
            raise UserError(
                f"logit_bias: {key!r} names no token: the vocabulary has the numbers 0 to {table.size - 1}; "
                "change the number"
            )
        return token
    tokens = table.encode(key)
    if len(tokens) == 1:
        return tokens[0]
    written = ", ".join(f"{token}{_text(token, table)}" for token in tokens[:8]) + (", ..." if len(tokens) > 8 else "")
    raise UserError(
        f"logit_bias: {key!r} is {len(tokens)} tokens in this vocabulary ({written}), and a bias is for one; name the "
        "tokens one by one, by their text or as `id:` and the number, or forbid the whole word with `bad_words`"
    )


def _text(token: int, table: TokenTable) -> str:
    """What a token writes, for a message; nothing where that is not known."""
    piece = table.bytes_of(token)
    return "" if piece is None else f" {piece.decode(errors='backslashreplace')!r}"
