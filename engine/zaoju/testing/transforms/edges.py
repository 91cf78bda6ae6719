"""Forms, neutral values and edges."""

from __future__ import annotations

from dataclasses import replace

import torch

from zaoju.contracts import Transform
from zaoju.testing.byte_table import OneToken
from zaoju.testing.decoding_rows import Rows
from zaoju.testing.logit_cases import logit_cases
from zaoju.testing.transforms.base import TransformRows, apply, check_each, check_rows
from zaoju.testing.transforms.options import complete


class EdgeChecks(TransformRows):
    """What comes out can be used, whatever goes in."""

    def test_neutral_values_can_be_written(self, transform: Transform) -> None:
        """`neutral` names options, with values that a user may write."""
        self.settings(transform)
        written = complete(self.model(), transform.neutral)
        wrong = {name: value for name, value in transform.neutral.items() if written[name] != _as_json(value)}
        assert not wrong, f"the options turn the neutral values {wrong} into others"

    def test_shape_and_type_stay(self, transform: Transform, rows: Rows) -> None:
        """[N, V] float32 in, [N, V] float32 out, also for a single row."""
        for some in (rows, rows.take([0])):
            given = apply(transform, some)
            assert given.shape == some.logits.shape, f"gave {list(given.shape)} for {list(some.logits.shape)}"
            assert given.dtype == torch.float32, f"gave {given.dtype} for float32"

    def test_the_neutral_value_changes_nothing(self, transform: Transform, rows: Rows) -> None:
        """Bit for bit, whatever the other options are, alone and among rows that are changed."""
        if not transform.neutral:
            return
        still = [complete(self.model(), {**setting, **transform.neutral}) for setting in self.settings(transform)]
        distinct = [setting for at, setting in enumerate(still) if setting not in still[:at]]
        neutral = self.rows_of(transform, logit_cases(), distinct)
        check_rows(neutral, apply(transform, neutral), neutral.logits, "neutral options change the row")
        # An engine prepares nothing for a row that is neutral: among others it gets padding.
        bare = (replace(row, prepared={}) for row in neutral.rows)
        mixed = Rows(tuple(row for pair in zip(bare, rows.rows, strict=False) for row in pair))
        idle = mixed.take(range(0, len(mixed), 2))
        check_rows(idle, apply(transform, mixed)[::2], idle.logits, "neutral options change the row among others")

    def test_no_row_is_emptied(self, rows: Rows, applied: torch.Tensor) -> None:
        """At least one token must be left to choose."""
        check_each(rows, applied.isfinite().any(dim=1), "no token is left")

    def test_removed_tokens_stay_removed(self, rows: Rows, applied: torch.Tensor) -> None:
        """-inf stays -inf, whoever removed the token before."""
        check_each(rows, (applied.isneginf() | ~rows.logits.isneginf()).all(dim=1), "a removed token is back")

    def test_nothing_is_not_a_number(self, rows: Rows, applied: torch.Tensor) -> None:
        """Neither NaN nor +inf comes out."""
        check_each(rows, ~(applied.isnan() | applied.isposinf()).any(dim=1), "NaN or +inf comes out")

    def test_a_vocabulary_of_one_token(self, transform: Transform) -> None:
        """The smallest vocabulary there is."""
        one = {"one token": torch.tensor([-3.0]), "one token of 0": torch.tensor([0.0])}
        rows = self.rows_of(transform, one, self.settings(transform), OneToken())
        check_each(rows, apply(transform, rows).isfinite().all(dim=1), "the only token is gone")

    def test_no_history_at_all(self, transform: Transform, rows: Rows) -> None:
        """A text that begins with nothing: the history is [N, 0]."""
        beginning = Rows(tuple(replace(row, tokens=(), prompt_length=0, index=0) for row in rows.rows))
        given = apply(transform, beginning)
        check_each(beginning, given.isfinite().any(dim=1) & ~given.isnan().any(dim=1), "no token is left, or NaN")


def _as_json(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
