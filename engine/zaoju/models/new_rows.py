"""What an initialiser gives is checked before it becomes part of a model."""

from __future__ import annotations

from collections.abc import Callable

import torch

from zaoju.errors import PluginError

_SHOWN = 3


def check_new_rows(
    matrix: torch.Tensor, rows: torch.Tensor, count: int, show: Callable[[int], str], label: str
) -> None:
    """Raise `PluginError` where `rows` are not `count` rows of finite numbers for `matrix`, or one equals another.

    Two tokens with one row begin as one and the same, and with a tied head a model cannot choose between them.
    `show` writes a token for a person, `label` is what gave the rows.
    """
    if rows.shape != (count, matrix.shape[1]) or rows.dtype != matrix.dtype:
        raise PluginError(
            f"{label} gave rows of shape {list(rows.shape)} and type {rows.dtype}; {[count, matrix.shape[1]]} and "
            f"{matrix.dtype} were asked for; tell its author"
        )
    if not bool(rows.isfinite().all()):
        raise PluginError(f"{label} gave rows with numbers that are not finite; use another initialiser")
    owners = {row.tobytes(): token for token, row in enumerate(matrix.numpy())}
    equal = []
    for token, row in enumerate(rows.numpy(), start=len(matrix)):
        owner = owners.setdefault(row.tobytes(), token)
        if owner != token:
            equal.append(f"{show(token)} and {show(owner)}")
    if equal:
        raise PluginError(
            f"{label} gave {len(equal):,} of {count:,} new tokens the row of another token: {', '.join(equal[:_SHOWN])}"
            f"{', ...' if len(equal) > _SHOWN else ''}; a model could not tell them apart; use another initialiser"
        )
