"""The numbers for n = 0, 1 and 3 are those of llama.cpp's own test (MIT licence)."""

from __future__ import annotations

import pytest
import torch
from zaoju_top_n_sigma.transform import TopNSigma

from zaoju import StepContext
from zaoju.contracts import History
from zaoju.testing import TransformContract

NOTHING = -float("inf")


class TestContract(TransformContract):
    """What zaoju asks of every transform, checked on the installed package."""

    component = "top_n_sigma"


def apply(rows: list[list[float]], n: list[float]) -> torch.Tensor:
    """The logits that are left of `rows`, each with its own n."""
    logits = torch.tensor(rows)
    empty = torch.zeros(len(rows), 0, dtype=torch.int64)
    zero = torch.zeros(len(rows), dtype=torch.int64)
    context = StepContext(
        index=zero,
        history=History(empty, empty.bool(), zero),
        vocabulary_size=logits.shape[1],
        end_of_text=0,
        random=lambda stream: torch.full((len(rows),), 0.5, dtype=torch.float64),
    )
    return TopNSigma().apply(logits, {"top_n_sigma": torch.tensor(n, dtype=torch.float64)}, context)


@pytest.mark.parametrize(
    ("n", "expected"), [(1.0, [0, 0, 3 / 7, 4 / 7]), (0.0, [0.1, 0.2, 0.3, 0.4]), (3.0, [0.1, 0.2, 0.3, 0.4])]
)
def test_golden_numbers(n: float, expected: list[float]) -> None:
    row = torch.tensor([0.1, 0.2, 0.3, 0.4]).log().tolist()
    assert apply([row], [n]).softmax(dim=1)[0].tolist() == pytest.approx(expected, abs=1e-6)


def test_what_an_earlier_transform_removed_does_not_count() -> None:
    with_hole = apply([[3.0, NOTHING, 2.0, 0.0]], [1.0])[0].tolist()
    without = apply([[3.0, 2.0, 0.0]], [1.0])[0].tolist()
    assert [with_hole[0], *with_hole[2:]] == without == [3.0, 2.0, NOTHING]


def test_each_row_has_its_own_number() -> None:
    row = [1.0, 0.0, -1.0, 5.0]
    assert torch.equal(apply([row] * 3, [0.0, 1.0, 9.0]), torch.cat([apply([row], [n]) for n in (0.0, 1.0, 9.0)]))


def test_a_row_is_never_left_empty() -> None:
    assert apply([[2.0, 2.0], [NOTHING, 1.0]], [1e-9, 1.0]).isfinite().any(dim=1).all()
