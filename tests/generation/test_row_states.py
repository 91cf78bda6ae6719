"""What stateful transforms remember of single rows."""

from __future__ import annotations

import torch

from zaoju.generation.row_states import RowState, States, states_of

CPU = torch.device("cpu")


def rows_of(*values: float) -> list[States]:
    """Rows whose states a transform gave together."""
    columns = {"mu": torch.tensor(values), "pair": torch.tensor([[value, -value] for value in values])}
    return [{"it": RowState(columns, row, len(values))} for row in range(len(values))]


def test_rows_that_go_on_together_have_the_very_tensors() -> None:
    rows = rows_of(1, 2, 3)
    given = states_of("it", rows, CPU)
    assert given["mu"] is rows[0]["it"].columns["mu"]


def test_rows_in_another_company_have_their_own() -> None:
    first, second = rows_of(1, 2, 3), rows_of(7, 8)
    nothing: States = {}
    for some, expected in (
        ([first[2], first[0], first[1]], [3, 1, 2]),
        (first[:2], [1, 2]),
        ([first[0], first[0], first[2]], [1, 1, 3]),
        ([nothing, second[1], first[0]], [0, 8, 1]),
        ([*second, nothing], [7, 8, 0]),
        ([second[0], first[1]], [7, 2]),
    ):
        given = states_of("it", some, CPU)
        assert given["mu"].tolist() == expected
        assert given["pair"].tolist() == [[value, -value] for value in expected]
