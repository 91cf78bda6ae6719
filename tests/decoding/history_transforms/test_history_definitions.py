"""The transforms that look at the text so far, against their definitions in plain Python."""

from __future__ import annotations

import random

import history_references as definitions
import pytest
import torch
from history_rows import one_row
from hypothesis import given, settings
from hypothesis import strategies as st

from zaoju_builtin.decoding.transforms.dry import DRY
from zaoju_builtin.decoding.transforms.minimum_length import MinimumLength
from zaoju_builtin.decoding.transforms.no_repeat_ngram import NoRepeatNgram
from zaoju_builtin.decoding.transforms.occurrence_penalty import OccurrencePenalty
from zaoju_builtin.decoding.transforms.repetition_penalty import RepetitionPenalty

WIDTH = 6
logits_of_a_row = st.lists(st.floats(-9, 9, width=32), min_size=WIDTH, max_size=WIDTH)
tokens_of_a_row = st.lists(st.integers(0, WIDTH - 1), max_size=24)
few_tokens = st.lists(st.integers(0, 3), max_size=30)
"""Of so few tokens that long repetitions are common."""
window = st.sampled_from([0, 1, 2, 5, 9, 24, 1000])
tried = settings(max_examples=200, deadline=None, derandomize=True)


@tried
@given(logits_of_a_row, tokens_of_a_row, st.sampled_from([0.5, 1.0, 1.3, 4.0]), window)
def test_repetition_penalty(logits: list[float], tokens: list[int], penalty: float, last: int) -> None:
    options = {"repetition_penalty": penalty, "repetition_window": last}
    got = one_row(RepetitionPenalty(), logits, tokens, **options)
    assert got == pytest.approx(definitions.repetition(logits, tokens, options), rel=1e-6)


@tried
@given(
    logits_of_a_row,
    tokens_of_a_row,
    st.integers(0, 24),
    st.fixed_dictionaries(
        {
            "frequency_penalty": st.sampled_from([0.0, 0.5, -1.0, 3.0]),
            "presence_penalty": st.sampled_from([0.0, 0.7, -2.0]),
            "penalty_prompt": st.booleans(),
            "penalty_window": window,
        }
    ),
)
def test_occurrence_penalty(
    logits: list[float], tokens: list[int], prompt_length: int, options: dict[str, object]
) -> None:
    prompt_length = min(prompt_length, len(tokens))
    got = one_row(OccurrencePenalty(), logits, tokens, prompt_length=prompt_length, **options)
    assert got == pytest.approx(definitions.occurrence(logits, tokens, prompt_length, options), rel=1e-5, abs=1e-5)


@tried
@given(logits_of_a_row, few_tokens | tokens_of_a_row, st.integers(0, 8))
def test_no_repeat_ngram(logits: list[float], tokens: list[int], size: int) -> None:
    got = one_row(NoRepeatNgram(), logits, tokens, no_repeat_ngram_size=size)
    assert got == definitions.no_repeat_ngram(logits, tokens, size)


@tried
@given(
    logits_of_a_row,
    few_tokens,
    st.sets(st.integers(0, 3), max_size=2),
    st.fixed_dictionaries(
        {
            "dry_multiplier": st.sampled_from([0.0, 0.8, 2.5]),
            "dry_base": st.sampled_from([1.0, 1.75, 4.0]),
            "dry_allowed_length": st.integers(1, 5),
            "dry_window": window,
        }
    ),
)
def test_dry(logits: list[float], tokens: list[int], breakers: set[int], options: dict[str, object]) -> None:
    prepared = {"breaking": torch.tensor(sorted(breakers), dtype=torch.int64)}
    got = one_row(DRY(), logits, tokens, prepared=prepared, **options)
    assert got == pytest.approx(definitions.dry(logits, tokens, breakers, options), rel=1e-5, abs=1e-4)


@tried
@given(logits_of_a_row, st.integers(0, 9), st.integers(0, 9), st.booleans())
def test_minimum_length(logits: list[float], index: int, least: int, nothing_else: bool) -> None:
    if nothing_else:
        logits = [logits[0], *[definitions.NOTHING] * (WIDTH - 1)]
    got = one_row(MinimumLength(), logits, [1, 2, 3], index=index, min_new_tokens=least)
    assert got == definitions.minimum_length(logits, index, least, end_of_text=0)


def test_a_repetition_is_penalised_by_its_sign_and_once() -> None:
    logits = [2.0, -2.0, 2.0, definitions.NOTHING]
    got = one_row(RepetitionPenalty(), logits, [0, 1, 1, 1, 3], repetition_penalty=2.0, repetition_window=0)
    assert got == [1.0, -4.0, 2.0, definitions.NOTHING]


def test_counts_are_exact_in_long_histories() -> None:
    draw = random.Random(5)
    tokens = [draw.choice((0, 0, 0, 1, 3)) for _ in range(20_000)]
    options = {"frequency_penalty": 1.0, "presence_penalty": 0.0, "penalty_prompt": True, "penalty_window": 0}
    got = one_row(OccurrencePenalty(), [0.0] * WIDTH, tokens, **options)
    assert got == [-tokens.count(token) for token in range(WIDTH)]


def test_the_prompt_counts_where_it_should() -> None:
    """The prompt is 0 0 1, the text 1 2; the last two tokens are the text."""

    def counts(*, prompt: bool, window: int) -> list[float]:
        options = {"frequency_penalty": 1.0, "presence_penalty": 0.0}
        options |= {"penalty_prompt": prompt, "penalty_window": window}
        return one_row(OccurrencePenalty(), [0.0] * 4, [0, 0, 1, 1, 2], prompt_length=3, **options)

    assert counts(prompt=False, window=0) == [0, -1, -1, 0]
    assert counts(prompt=True, window=0) == [-2, -2, -1, 0]
    assert counts(prompt=True, window=4) == [-1, -2, -1, 0]
    assert counts(prompt=False, window=4) == [0, -1, -1, 0]
    assert counts(prompt=False, window=1) == counts(prompt=True, window=1) == [0, 0, -1, 0]


def test_where_no_token_would_be_left_the_row_stays() -> None:
    logits = [float(token) for token in range(WIDTH)]
    assert one_row(NoRepeatNgram(), logits, list(range(WIDTH)), no_repeat_ngram_size=1) == logits
    only = [2.5, *[definitions.NOTHING] * (WIDTH - 1)]
    assert one_row(NoRepeatNgram(), only, [1, 0, 1], no_repeat_ngram_size=2) == only


@pytest.mark.parametrize("penalty", [100.0, 0.01])
def test_the_largest_repetition_penalty_stays_finite(penalty: float) -> None:
    got = one_row(RepetitionPenalty(), [1e4, -1e4, 0.0], [0, 1, 2], repetition_penalty=penalty, repetition_window=0)
    assert got == pytest.approx([1e4 / penalty, -1e4 * penalty, 0.0])
