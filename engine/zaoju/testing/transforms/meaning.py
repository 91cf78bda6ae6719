"""What a transform says of itself, and what its author says that it computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from zaoju.contracts import Transform
from zaoju.testing.decoding_rows import Row, Rows
from zaoju.testing.logit_cases import WIDTH
from zaoju.testing.requirements import pytest
from zaoju.testing.transforms.base import TransformRows, apply, check_each, check_rows, evenly

_SHIFT = 64.0
_NEGLIGIBLE = 1e-6
"""A boundary that lies in the tail may move by tokens of this probability where sums are rounded otherwise."""


class MeaningChecks(TransformRows):
    """An oracle where the author gives one, and the promises of the class."""

    def reference(self, logits: Sequence[float], options: Mapping[str, Any], row: Row) -> Sequence[float] | None:
        """The definition, for one row in plain Python: what `apply` must give for `logits` and `options`.

        Write it as the paper does. `row` has `tokens`, `prompt_length`, `index`, `random(stream)`, `end_of_text`,
        `prepared` and `state`. None, as here, where there is none.
        """
        return None

    def test_the_definition_is_met(self, rows: Rows, applied: torch.Tensor) -> None:
        """The same tokens are kept, at ties and boundaries too, and their logits are close."""
        if type(self).reference is MeaningChecks.reference:
            pytest.skip("it has no reference()")
        numbers = range(0, len(rows), -(-len(rows) // 200))
        for number in numbers:
            row = rows.rows[number]
            if not all(_same_in_float32(value) for value in row.options.values()):
                continue
            defined = self.reference(row.logits.tolist(), row.options, row)
            if defined is None:
                continue
            expected = torch.tensor(list(defined), dtype=torch.float64)
            given = applied[number].double()
            more = (given.isfinite() & ~expected.isfinite()).nonzero().flatten().tolist()
            less = (expected.isfinite() & ~given.isfinite()).nonzero().flatten().tolist()
            assert not more + less, f"keeps {more} too many and {less} too few by the definition: {row.name}"
            kept = expected.isfinite()
            close = torch.isclose(given[kept], expected[kept], rtol=1e-5, atol=1e-4)
            assert close.all(), (
                f"logits {given[kept][~close][:3].tolist()} should be {expected[kept][~close][:3].tolist()} by the "
                f"definition: {row.name}"
            )

    def test_only_removes_is_true(self, transform: Transform, rows: Rows, applied: torch.Tensor) -> None:
        """Where it says `only_removes`, what stays has the same bits."""
        if not transform.only_removes:
            pytest.skip("it does not say only_removes")
        unchanged = torch.where(applied.isneginf(), applied, rows.logits)
        check_rows(rows, applied, unchanged, "a logit that stays is another number")

    def test_keeps_argmax_is_true(self, transform: Transform, rows: Rows, applied: torch.Tensor) -> None:
        """Where it says `keeps_argmax`, the most probable token stays the most probable."""
        if not transform.keeps_argmax:
            pytest.skip("it does not say keeps_argmax")
        best = applied.gather(1, rows.logits.argmax(dim=1, keepdim=True)).squeeze(1)
        check_each(rows, best == applied.amax(dim=1), "the most probable token is another now")

    def test_ignores_shift_is_true(self, transform: Transform) -> None:
        """Unless it denies `ignores_shift`, logits that are all larger by the same number give the same text."""
        if not transform.ignores_shift:
            pytest.skip("it says that it does not ignore shifts")
        rows = self._distinct(transform)
        shifted = Rows(tuple(replace(row, logits=row.logits + _SHIFT) for row in rows.rows))
        _check_same_law(
            rows, apply(transform, shifted), apply(transform, rows), f"with {_SHIFT} added to all logits it is another"
        )

    def test_the_order_of_the_vocabulary_does_not_matter(self, transform: Transform) -> None:
        """Tokens under other ids are treated as before, where nothing but the logits is looked at."""
        rows = self._distinct(transform)
        if rows.rows[0].prepared or rows.rows[0].state or _looks_elsewhere(transform, rows):
            pytest.skip("it looks at more than the logits")
        order = torch.randperm(WIDTH, generator=torch.Generator().manual_seed(5))
        moved = Rows(tuple(replace(row, logits=row.logits[order]) for row in rows.rows))
        _check_same_law(
            rows, apply(transform, moved), apply(transform, rows)[:, order], "under other ids tokens fare otherwise"
        )

    @classmethod
    def _distinct(cls, transform: Transform) -> Rows:
        """Rows without ties, whose sums with a whole number are exact."""
        generator = torch.Generator().manual_seed(11)
        fine = torch.randperm(WIDTH, generator=generator) / 2**5 - 4
        cases = {
            "flat": fine / 8,
            "ordinary": fine,
            "peaked": fine * 4,
            "after another filter": fine.masked_fill(torch.rand(WIDTH, generator=generator) < 0.5, -torch.inf),
        }
        return cls.rows_of(transform, cases, cls.settings(transform), most=150)


def _same_in_float32(value: object) -> bool:
    """False for a number just below 1, which is 1 in float32: there the definition would judge rounding alone."""
    return not isinstance(value, float) or value.is_integer() == _single(value).is_integer()


def _single(value: float) -> float:
    return float(torch.tensor(value, dtype=torch.float32))


def _looks_elsewhere(transform: Transform, rows: Rows) -> bool:
    """Whether anything but the logits and the numbers of the options changes what comes out."""
    some = evenly(rows, 60)
    new = Rows(tuple(replace(row, tokens=(), prompt_length=0, index=0, seed=1) for row in some.rows))
    best = int(some.logits.sum(dim=0).argmax())
    every = tuple(range(WIDTH)) * 2
    old = Rows(
        tuple(
            replace(row, tokens=every, prompt_length=WIDTH, index=WIDTH, seed=2, end_of_text=best) for row in some.rows
        )
    )
    return not torch.equal(apply(transform, new), apply(transform, old))


def _check_same_law(rows: Rows, given: torch.Tensor, expected: torch.Tensor, complaint: str) -> None:
    """Equal probabilities, up to rounding, and equal sets of kept tokens."""
    differs = given.isfinite() != expected.isfinite()
    law, other = given.double().softmax(dim=1), expected.double().softmax(dim=1)
    moved = torch.where(differs, torch.maximum(law, other), 0).sum(dim=1)
    close = (law - other).abs().amax(dim=1) < 2e-3
    check_each(rows, close & (moved < _NEGLIGIBLE), complaint)
