"""XTC: when it happens, and which token is spared."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from distribution_references import NOTHING, left, xtc

from support.decoder_helpers import apply, context, kept, random_rows
from zaoju_builtin.decoding.transforms.xtc import XTC


@pytest.mark.parametrize("threshold", [0.0, 1e-9, 0.01, 0.1, 0.25, 0.5, 0.7, 1.0])
def test_the_definition(threshold: float) -> None:
    logits = torch.cat([random_rows(seed, 20, 30, coarse=seed % 2 == 0) / (1 + seed % 4) for seed in range(10)])
    logits[::3] = logits[::3].masked_fill(torch.arange(30) % 3 == 1, NOTHING)
    got = apply(XTC(), logits, xtc_probability=1.0, xtc_threshold=threshold)
    for row, result in zip(logits.tolist(), got, strict=True):
        assert kept(result) == xtc(row, threshold)
    changed = sum(len(kept(result)) < len(left(row)) for row, result in zip(logits.tolist(), got, strict=True))
    assert (changed > 20) == (threshold <= 0.25)


def test_of_equals_the_last_is_spared() -> None:
    logits = torch.tensor([[2.0, 2.0, 2.0, -5.0], [2.0, 1.0, 1.0, NOTHING]])
    got = apply(XTC(), logits, xtc_probability=1.0, xtc_threshold=0.2)
    assert [kept(row) for row in got] == [{2, 3}, {2}]


def test_two_equal_halves_reach_a_threshold_of_a_half() -> None:
    assert kept(apply(XTC(), torch.zeros(1, 2), xtc_probability=1.0, xtc_threshold=0.5)[0]) == {1}


def test_it_happens_to_as_many_rows_as_it_should() -> None:
    """One number for each row, from the stream of its name; the least number that there is spares a row at 0."""
    logits = torch.zeros(6, 4)
    uniforms = [2.0**-53, 0.2, 0.29, 0.3, 0.31, 1 - 2.0**-53]
    asked: list[str] = []
    plain = context(logits, uniforms=uniforms)

    def random(stream: str) -> torch.Tensor:
        asked.append(stream)
        return plain.random(stream)

    for probability, changed in ((0.0, 0), (0.3, 4), (1.0, 6)):
        got = apply(XTC(), logits, replace(plain, random=random), xtc_probability=probability, xtc_threshold=0.1)
        assert [len(kept(row)) for row in got] == [1] * changed + [4] * (6 - changed)
    assert set(asked) == {"xtc"}


def test_each_row_has_its_own_options() -> None:
    logits = torch.tensor([[0.4, 0.3, 0.2, 0.1]]).log().repeat(3, 1)
    got = apply(XTC(), logits, xtc_probability=[1.0, 0.0, 1.0], xtc_threshold=[0.15, 0.15, 0.25])
    assert [kept(row) for row in got] == [{2, 3}, {0, 1, 2, 3}, {1, 2, 3}]
