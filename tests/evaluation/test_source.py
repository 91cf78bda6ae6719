"""Comparison with a source of known probability."""

from __future__ import annotations

import math

import pytest

from zaoju import UserError
from zaoju.contracts import KnownSource
from zaoju.evaluation import Score, SourceComparison, compare_with_source


class Coins(KnownSource):
    """Writes eight fair coins."""

    def log_probability(self, text: str) -> float | None:
        return -8 * math.log(2) if len(text) == 8 and set(text) <= set("正反") else None


SCORE = Score(bits_per_character=1.25, characters=16, documents=2, tokens=18, lossy_documents=0)
TEXTS = ["正反正反正反正反", "反" * 8]


def test_a_fair_coin_has_one_bit_per_character() -> None:
    got = compare_with_source(Coins(), iter(TEXTS), SCORE, ["正" * 8, "正" * 7, "正反" * 4, "花"])
    assert got.entropy == pytest.approx(1.0)
    assert got.gap == pytest.approx(0.25)
    assert (got.accepted, got.samples, got.foreign_texts) == (2, 4, 0)
    assert SourceComparison(**got.to_json()) == got  # type: ignore[arg-type]  # what json gives back has no types


def test_foreign_texts_are_counted_and_left_out() -> None:
    got = compare_with_source(Coins(), [*TEXTS, "别的"], SCORE, [])
    assert got.entropy == pytest.approx(1.0)
    assert (got.foreign_texts, got.accepted, got.samples) == (1, 0, 0)


def test_another_source_altogether() -> None:
    with pytest.raises(UserError, match="none of the 1 scored texts"):
        compare_with_source(Coins(), ["别的"], SCORE, [])
