"""The learning rate: warm-up fits the run, every step moves, the end is slow."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zaoju.training import Schedule

kinds = st.sampled_from(["cosine", "wsd"])


@settings(deadline=None, derandomize=True)
@given(kind=kinds, steps=st.integers(1, 400), warmup=st.floats(0, 0.99))
def test_every_step_moves_and_one_reaches_the_peak(kind: Literal["cosine", "wsd"], steps: int, warmup: float) -> None:
    rates = [Schedule(kind, 0.5, steps, warmup).at(step) for step in range(steps)]
    assert all(0 < rate <= 0.5 for rate in rates)
    top = rates.index(max(rates))
    assert rates[top] == pytest.approx(0.5)
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)


def test_known_values() -> None:
    cosine = Schedule("cosine", 1.0, 100, 0.1)
    assert [cosine.at(step) for step in (0, 9, 10, 55)] == pytest.approx([1 / 11, 10 / 11, 1.0, 0.5])
    stable = Schedule("wsd", 1.0, 100, 0.1)
    assert [stable.at(step) for step in (10, 79, 80, 85)] == pytest.approx([1.0, 1.0, 1.0, 0.5])
