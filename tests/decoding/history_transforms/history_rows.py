"""Rows with histories, handed to a transform as an engine does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from zaoju import Transform
from zaoju.testing.decoding_rows import Row, Rows


def one_row(
    transform: Transform,
    logits: Sequence[float],
    tokens: Sequence[int],
    *,
    prompt_length: int = 0,
    index: int = 0,
    prepared: Mapping[str, torch.Tensor] | None = None,
    **options: object,
) -> list[float]:
    """What becomes of a row between two others, one with a longer history, so that padding stands behind its own.

    The padding is the row's own first token, which would be counted if it were looked at.
    """
    row = Row("", torch.tensor(logits), options, tuple(tokens), prompt_length, 0, index, prepared=prepared or {})
    width = len(logits)
    longer = Row("", torch.zeros(width), options, tuple(range(width)) * 6, 2, prepared=row.prepared)
    none = Row("", torch.ones(width), options, prepared=row.prepared)
    rows = Rows((longer, row, none), filler=tokens[0] if tokens else 0, spare=2, prepared_spare=2)
    return [float(logit) for logit in transform.apply(rows.logits, rows.columns(), rows.context())[1].tolist()]


def batch(
    transform: Transform, logits: torch.Tensor, tokens: torch.Tensor, *, index: int = 0, **options: object
) -> torch.Tensor:
    """[N, V]: what becomes of `logits` [N, V] with the histories `tokens` [N, L], which are all prompt."""
    length = tokens.shape[1]
    rows = Rows(
        tuple(
            Row("", row, options, tuple(history), length, index=index)
            for row, history in zip(logits, tokens.tolist(), strict=True)
        )
    )
    return transform.apply(rows.logits, rows.columns(), rows.context())
