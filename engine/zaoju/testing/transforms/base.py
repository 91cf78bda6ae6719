"""What the groups of checks share: the transform, the rows that it is tried on, and how results are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import torch

from zaoju.contracts import Columns, TokenTable, Transform
from zaoju.errors import UserError
from zaoju.testing.byte_table import ByteTable
from zaoju.testing.component import ComponentContract
from zaoju.testing.decoding_rows import Row, Rows, is_number, same_bits
from zaoju.testing.logit_cases import logit_cases, make_rows
from zaoju.testing.requirements import pytest
from zaoju.testing.transforms.options import Setting, complete, settings_to_try

MOST_ROWS = 500
_OBSERVED = 3


class TransformRows(ComponentContract):
    """The base of every group of checks."""

    kind = "transform"

    examples: ClassVar[Sequence[Mapping[str, object]]] = ()
    """Settings to try beside the automatic ones; needed where options are no numbers, such as lists of words."""

    @pytest.fixture(scope="class")
    @classmethod
    def transform(cls) -> Transform:
        """The transform that is checked."""
        return cls.create(Transform)

    @pytest.fixture(scope="class")
    @classmethod
    def rows(cls, transform: Transform) -> Rows:
        """Every row of logits with every setting; each row has its own prepared tensors and its own state."""
        return cls.rows_of(transform, logit_cases(), cls.settings(transform))

    @pytest.fixture(scope="class")
    @classmethod
    def applied(cls, transform: Transform, rows: Rows) -> torch.Tensor:
        """What `apply` gives for `rows`."""
        return apply(transform, rows)

    @classmethod
    def settings(cls, transform: Transform) -> list[Setting]:
        """The settings of the options that are tried."""
        model = cls.model()
        known = complete(model, {})
        assert set(transform.neutral) <= set(known), (
            f"`neutral` has {sorted(transform.neutral)}, and the options are {sorted(known)}: name only options there "
            "(with `make`, also write `options = MyOptions()`)"
        )
        assert transform.neutral or not known, (
            "`neutral` is empty: name at least one option and its value at which apply() changes nothing"
        )
        return settings_to_try(model, transform.neutral, cls.examples)

    @classmethod
    def rows_of(
        cls,
        transform: Transform,
        cases: Mapping[str, torch.Tensor],
        settings: Sequence[Setting],
        table: TokenTable | None = None,
        most: int = MOST_ROWS,
    ) -> Rows:
        """Cases with settings, ready for `apply`. What `prepare` refuses is left out, as no text is begun with it."""
        table = table or ByteTable()
        made = []
        for row in make_rows(cases, settings, most=most):
            try:
                prepared = transform.prepare(row.options, list(row.tokens[: row.prompt_length]), table)
            except UserError:
                continue
            made.append(replace(row, prepared=prepared))
        assert made, "prepare() refuses every setting: give some that work, as `examples` of the test"
        _check_prepared(made)
        return _with_states(transform, Rows(tuple(made)))


def apply(transform: Transform, rows: Rows) -> torch.Tensor:
    """What `apply` gives, for tensors that nobody else holds: a transform that writes to them harms no other check."""
    return transform.apply(rows.logits, rows.columns(), rows.context())


def observe(transform: Transform, rows: Rows, tokens: torch.Tensor, after: torch.Tensor) -> dict[str, torch.Tensor]:
    """The states after `tokens`, where `apply` gave `after`."""
    state = rows.state()
    told = transform.observe(rows.state(), tokens, rows.logits, after.clone(), rows.columns())
    check_states(told, state, "observe()")
    return dict(told)


def best_tokens(logits: torch.Tensor, rank: int = 0) -> torch.Tensor:
    """[N] int64: the token of each row with that rank, or the best where no token of that rank is left."""
    values, tokens = logits.topk(min(rank + 1, logits.shape[1]), dim=1)
    return torch.where(values[:, -1].isfinite(), tokens[:, -1], tokens[:, 0])


def evenly(rows: Rows, most: int) -> Rows:
    """At most so many of the rows, from all parts of them."""
    return rows.take(range(0, len(rows), -(-len(rows) // most)))


def check_states(given: Columns, like: Columns, who: str) -> None:
    """The names, types and shapes of states never change."""
    assert set(given) == set(like), f"{who} gave the states {sorted(given)} instead of {sorted(like)}"
    for name, tensor in given.items():
        told, expected = (f"{one.dtype} {list(one.shape)}" for one in (tensor, like[name]))
        assert told == expected, f"{who} gave state[{name!r}] as {told} instead of {expected}"


def check_rows(rows: Rows, given: torch.Tensor, expected: torch.Tensor, complaint: str) -> None:
    """Each row is the same, bit for bit."""
    assert given.shape == expected.shape, f"{complaint}: {list(given.shape)} instead of {list(expected.shape)}"
    equal = [same_bits(one, other) for one, other in zip(given, expected, strict=True)]
    check_each(rows, torch.tensor(equal), complaint)


def check_each(rows: Rows, fine: torch.Tensor, complaint: str) -> None:
    """Every row is fine; else the complaint names the first that is not."""
    wrong = [row for row, good in zip(rows.rows, fine.tolist(), strict=True) if not good]
    assert not wrong, (
        f"{complaint}, in {len(wrong)} of {len(rows)} rows of {len(wrong[0].logits)} tokens, first: {wrong[0].name}"
    )


def _check_prepared(rows: Sequence[Row]) -> None:
    """Rows of several requests become one tensor, so all have the same names, types and numbers of dimensions."""

    def form(row: Row) -> dict[str, tuple[torch.dtype, int]]:
        return {name: (tensor.dtype, tensor.dim()) for name, tensor in row.prepared.items()}

    first = rows[0]
    good = (torch.int64, torch.float32, torch.float64, torch.bool)
    for name, (dtype, _) in form(first).items():
        assert dtype in good, f"prepare() gave {name!r} as {dtype}: use int64, float32, float64 or bool"
        assert not is_number(first.options.get(name)), f"prepare() gave {name!r}, which is a column already: rename it"
    for row in rows:
        assert form(row) == form(first), (
            f"prepare() gave {form(row)} for {dict(row.options)}, and {form(first)} for {dict(first.options)}: names, "
            "types and numbers of dimensions must be the same for all options"
        )


def _with_states(transform: Transform, rows: Rows) -> Rows:
    """The same rows, each with the state that it has after as many tokens as it has generated, up to a few."""
    state = dict(transform.init_state(rows.columns()))
    if not state:
        return rows
    for name, tensor in state.items():
        assert tensor.dim() > 0 and len(tensor) == len(rows), (
            f"init_state() gave state[{name!r}] with the shape {list(tensor.shape)} for {len(rows)} rows: the rows are "
            "the first dimension"
        )
    rows = rows.with_state(state)
    for step in range(_OBSERVED):
        after = apply(transform, rows)
        later = observe(transform, rows, best_tokens(after), after)
        writing = torch.tensor([row.index > step for row in rows.rows])
        rows = rows.with_state(
            {
                name: torch.where(writing.view(-1, *[1] * (new.dim() - 1)), new, rows.state()[name])
                for name, new in later.items()
            }
        )
    return rows
