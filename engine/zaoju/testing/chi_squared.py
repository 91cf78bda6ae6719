"""Whether counts are as expected, by a bound that a correct component passes but once in a thousand million runs."""

from __future__ import annotations

import math
from collections.abc import Sequence

_MOST = 6.0
_LEAST_EXPECTED = 5.0


def check_counts(observed: Sequence[float], expected: Sequence[float], what: str) -> None:
    """The chi-squared test of Pearson: fails where the counts lie more than 6 standard deviations from the expected.

    Cells with less than 5 expected are put together, as the test holds for no smaller ones; the deviation is that of
    Wilson and Hilferty's approximation (1931), which is good for few cells too.
    """
    cells = _pooled(observed, expected)
    freedom = len(cells) - 1
    assert freedom > 0, f"{what}: too few draws to tell"
    statistic = math.fsum((seen - wanted) ** 2 / wanted for seen, wanted in cells)
    spread = 2 / (9 * freedom)
    deviation = ((statistic / freedom) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)
    assert deviation < _MOST, (
        f"{what}: chi-squared is {statistic:.1f} with {freedom} degrees of freedom, {deviation:.1f} standard "
        "deviations above what is expected"
    )


def _pooled(observed: Sequence[float], expected: Sequence[float]) -> list[tuple[float, float]]:
    """The cells as pairs of what was seen and what was expected, from the smallest on, none below the least."""
    cells: list[tuple[float, float]] = []
    for wanted, seen in sorted(zip(expected, observed, strict=True)):
        if cells and cells[-1][1] < _LEAST_EXPECTED:
            wanted, seen = wanted + cells[-1][1], seen + cells.pop()[0]
        cells.append((seen, wanted))
    return cells
