"""What stateful transforms remember of single rows, kept as they gave it: for many rows at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch

from zaoju.contracts import Columns


@dataclass(frozen=True, slots=True)
class RowState:
    """The state of one row: its place in the tensors that hold those of `count` rows."""

    columns: Columns
    row: int
    count: int


States: TypeAlias = "Mapping[str, RowState]"
"""By the name of a transform, the state that it keeps for one row."""


def states_of(name: str, rows: Sequence[States], device: torch.device) -> Columns:
    """The states of one transform for `rows`; while the same rows go on together, the very tensors that it gave.

    A row for which it is idle has none; zeros hold its place. At least one row has one.
    """
    own = [states.get(name) for states in rows]
    known = next(state for state in own if state is not None)
    if known.count == len(own) and all(
        state is not None and state.columns is known.columns and state.row == row for row, state in enumerate(own)
    ):
        return {column: tensor.to(device) for column, tensor in known.columns.items()}
    zeros = {column: torch.zeros_like(tensor[known.row], device=device) for column, tensor in known.columns.items()}
    # A row that has just begun may have its state on the host still.
    rest = [
        zeros if state is None else {name: state.columns[name][state.row].to(device) for name in zeros} for state in own
    ]
    return {name: torch.stack([row[name] for row in rest]) for name in zeros}
