"""The numbers of llama.cpp's own test of its samplers (tests/test-sampling.cpp, MIT licence): penalties and DRY.

There the whole history is in the window, and the base of DRY is 1.1.
"""

from __future__ import annotations

import pytest
import torch
from history_rows import one_row

from zaoju_builtin.decoding.transforms.dry import DRY
from zaoju_builtin.decoding.transforms.occurrence_penalty import OccurrencePenalty
from zaoju_builtin.decoding.transforms.repetition_penalty import RepetitionPenalty

QUARTERS = [0.25] * 4
FIFTHS = [0.2] * 5


def law(logits: list[float]) -> list[float]:
    return [float(share) for share in torch.tensor(logits).softmax(dim=0).tolist()]


@pytest.mark.parametrize(
    ("tokens", "repeat", "frequency", "presence", "expected"),
    [
        ([0], 50.0, 0.0, 0.0, [0, 0.25, 0.25, 0.25, 0.25]),
        ([0, 1, 2], 50.0, 0.0, 0.0, [0, 0, 0, 0.5, 0.5]),
        ([0, 1, 2, 0, 0], 50.0, 0.0, 0.0, [0, 0, 0, 0.5, 0.5]),
        ([0], 1.0, 5.0, 5.0, [0.000011, 0.249997, 0.249997, 0.249997, 0.249997]),
        ([0, 1, 2], 1.0, 5.0, 5.0, [0.000023, 0.000023, 0.000023, 0.499966, 0.499966]),
        ([0, 1, 2, 0, 0], 1.0, 5.0, 5.0, [0.000000, 0.000023, 0.000023, 0.499977, 0.499977]),
    ],
)
def test_penalties(tokens: list[int], repeat: float, frequency: float, presence: float, expected: list[float]) -> None:
    """First the one, then the other, with one window, the prompt counted."""
    logits = torch.tensor(FIFTHS).log().tolist()
    logits = one_row(RepetitionPenalty(), logits, tokens, repetition_penalty=repeat, repetition_window=len(tokens))
    logits = one_row(
        OccurrencePenalty(),
        logits,
        tokens,
        prompt_length=len(tokens),
        frequency_penalty=frequency,
        presence_penalty=presence,
        penalty_prompt=True,
        penalty_window=len(tokens),
    )
    assert law(logits) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("given", "tokens", "multiplier", "allowed_length", "breakers", "expected"),
    [
        (QUARTERS, [0, 1], 1.0, 2, [], QUARTERS),
        (QUARTERS, [0, 1, 2, 0, 1], 1.0, 2, [], [0.296923, 0.296923, 0.109232, 0.296923]),
        (FIFTHS, [0, 1, 3, 4, 0, 1], 1.0, 2, [3], FIFTHS),
        (FIFTHS, [0, 1, 2, 0, 1], 2.0, 2, [], [0.241818, 0.241818, 0.032727, 0.241818, 0.241818]),
        (FIFTHS, [0, 1, 2, 3, 4, 0, 1], 1.0, 4, [], FIFTHS),
    ],
)
def test_dry(
    given: list[float],
    tokens: list[int],
    multiplier: float,
    allowed_length: int,
    breakers: list[int],
    expected: list[float],
) -> None:
    logits = one_row(
        DRY(),
        torch.tensor(given).log().tolist(),
        tokens,
        prepared={"breaking": torch.tensor(breakers, dtype=torch.int64)},
        dry_multiplier=multiplier,
        dry_base=1.1,
        dry_allowed_length=allowed_length,
        dry_window=len(tokens),
    )
    assert law(logits) == pytest.approx(expected, abs=1e-5)
