"""`top_k` over a vocabulary that is wide enough for the way by groups: exactly what sorting would keep."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zaoju_builtin.decoding.transforms.host_rows import WIDE, keep_largest

VOCABULARY = WIDE + 77
"""Not a whole number of groups."""


def by_sorting(row: torch.Tensor, count: int) -> set[int]:
    """The ids of the `count` largest, the lower id first among equals."""
    return set(row.sort(descending=True, stable=True).indices[:count].tolist())


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**31),
    different=st.sampled_from([1, 2, 7, 100, 10**6]),
    count=st.integers(1, VOCABULARY - 1),
    removed=st.sampled_from([0.0, 0.5, 0.999]),
)
def test_it_keeps_what_sorting_would(seed: int, different: int, count: int, removed: float) -> None:
    """With few `different` numbers many are equal, some at the last place; others were removed before."""
    generator = torch.Generator().manual_seed(seed)
    row = torch.randint(different, (VOCABULARY,), generator=generator).float()
    row[torch.rand(VOCABULARY, generator=generator) < removed] = float("-inf")
    (kept,) = keep_largest(row[None], [count])
    expected = {token for token in by_sorting(row, count) if row[token] > float("-inf")}
    assert set((kept > float("-inf")).nonzero().flatten().tolist()) == expected


@pytest.mark.parametrize("largest", [0, VOCABULARY - 1, 40], ids=["the first", "the last, of no group", "another"])
def test_one_is_the_largest(largest: int) -> None:
    row = torch.zeros(VOCABULARY)
    row[largest] = 1.0
    (kept,) = keep_largest(row[None], [1])
    assert (kept > float("-inf")).nonzero().flatten().tolist() == [largest]


@pytest.mark.parametrize("count", [1, 40, 4000])
def test_numbers_that_are_none_are_left_to_the_engine(count: int) -> None:
    kept = keep_largest(torch.full((1, VOCABULARY), float("nan")), [count])
    assert bool((kept == float("-inf")).all())
