"""DRY: breakers found by their bytes, once for a vocabulary, and penalties that stay finite."""

from __future__ import annotations

import history_references as definitions
import pytest
import torch
from history_rows import one_row

from zaoju.testing.byte_table import ByteTable
from zaoju_builtin.decoding.transforms.dry import DRY
from zaoju_builtin.decoding.transforms.history_options import LONGEST_MATCH, DRYOptions

EXTREME = {"dry_multiplier": 1e4, "dry_base": 100.0, "dry_allowed_length": 1, "dry_window": 0}
NO_BREAKERS = {"breaking": torch.zeros(0, dtype=torch.int64)}


class Counting(ByteTable):
    """Counts how often the bytes of a token are asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def bytes_of(self, token: int) -> bytes | None:
        self.asked += 1
        return super().bytes_of(token)


@pytest.mark.parametrize("breakers", [["。"], ["\n", ":"], ["们"], ["天", "我们"], ["龘"], [], list("我们今天春花的")])
def test_a_token_breaks_where_its_bytes_contain_a_breaker(breakers: list[str]) -> None:
    table = ByteTable()
    got = DRY().prepare({"dry_breakers": breakers}, [], table)["breaking"]
    assert set(got.tolist()) == definitions.breaking(table, breakers)


def test_a_breaker_may_be_a_part_of_a_token() -> None:
    table = ByteTable()
    (token,) = table.encode("我们")
    assert token in DRY().prepare({"dry_breakers": ["们"]}, [], table)["breaking"]


def test_the_default_breaks_at_chinese_and_western_marks() -> None:
    table = ByteTable()
    got = set(DRY().prepare(DRYOptions().model_dump(), [], table)["breaking"].tolist())
    assert got == {table.encode(mark)[0] for mark in ("\n", ":", '"', "*", "。")}


def test_the_vocabulary_is_looked_at_once() -> None:
    """Not for each request, nor for each list of breakers."""
    table = Counting()
    first = DRY().prepare({"dry_breakers": ["。", "我"]}, [], table)["breaking"]
    looked = table.asked
    assert looked >= table.size
    again = DRY().prepare({"dry_breakers": ["。", "我"]}, [5, 6], table)["breaking"]
    DRY().prepare({"dry_breakers": ["你"]}, [], table)
    assert again is first and table.asked == looked


@pytest.mark.parametrize("length", [2, LONGEST_MATCH, LONGEST_MATCH + 1, 400])
def test_a_long_repetition_stays_finite(length: int) -> None:
    logits = [0.5, 0.25, 0.0]
    assert one_row(DRY(), logits, [0] * (length + 1), prepared=NO_BREAKERS, **EXTREME) == [0.5 - 1e6, 0.25, 0.0]


def test_a_repetition_counts_so_many_tokens_at_most() -> None:
    """A base near 1 shows it: the penalty grows up to there, and no further."""

    def penalty(length: int) -> float:
        options = {"dry_multiplier": 1.0, "dry_base": 1.01, "dry_allowed_length": 1, "dry_window": 0}
        return -one_row(DRY(), [0.0, 0.0], [0] * (length + 1), prepared=NO_BREAKERS, **options)[0]

    for length in (1, 50, LONGEST_MATCH - 1, LONGEST_MATCH):
        assert penalty(length) == pytest.approx(1.01 ** (length - 1))
    assert penalty(LONGEST_MATCH + 1) == penalty(300) == penalty(LONGEST_MATCH)


def test_a_breaker_is_not_held_back_and_ends_a_repetition() -> None:
    """5 stands for a full stop: neither it nor what follows it is held back, and what stands before it is no match."""
    options = {"dry_multiplier": 1.0, "dry_base": 2.0, "dry_allowed_length": 1, "dry_window": 0}
    stop = {"breaking": torch.tensor([5])}

    def lost(tokens: list[int]) -> dict[int, float]:
        got = one_row(DRY(), [0.0] * 6, tokens, prepared=stop, **options)
        return {token: -logit for token, logit in enumerate(got) if logit}

    assert lost([1, 2, 5, 1, 2]) == {}
    assert lost([1, 2, 5, 1]) == {2: 1.0}
    assert lost([1, 5, 3, 4, 1, 5, 3]) == {4: 1.0}
    assert lost([1, 0, 3, 4, 1, 0, 3]) == {4: 4.0}
    assert lost([1, 5, 3, 1, 5]) == {}
