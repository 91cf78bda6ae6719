"""The transforms that look at the text so far: references, edges, other systems' numbers."""

from __future__ import annotations

import random
from collections.abc import Sequence

import history_references as definitions
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    MinNewTokensLengthLogitsProcessor,
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
)

from support.decoder_helpers import apply, context
from zaoju import StepContext, Transform
from zaoju.contracts import History
from zaoju_builtin.decoding.transforms.dry import DRY
from zaoju_builtin.decoding.transforms.minimum_length import MinimumLength
from zaoju_builtin.decoding.transforms.no_repeat_ngram import NoRepeatNgram
from zaoju_builtin.decoding.transforms.occurrence_penalty import OccurrencePenalty
from zaoju_builtin.decoding.transforms.repetition_penalty import RepetitionPenalty

WIDTH = 6

histories = st.lists(st.integers(0, WIDTH - 1), max_size=24)
row = st.lists(st.floats(-9, 9, width=32), min_size=WIDTH, max_size=WIDTH)


def one_row(
    transform: Transform,
    logits: Sequence[float],
    history: Sequence[int],
    /,
    prompt: int | None = None,
    **options: object,
) -> list[float]:
    """A row among others that have longer histories, so that padding stands behind its own."""
    others = [[1] * 30, list(range(WIDTH)) * 3]
    numbers = torch.tensor([logits, [0.0] * WIDTH, [1.0] * WIDTH])
    given = context(numbers, [history, *others])
    lengths = given.history.prompt_length.clone()
    if prompt is not None:
        lengths[0] = prompt
    past = History(given.history.tokens, given.history.valid, lengths)
    ctx = StepContext(given.index, past, WIDTH, given.end_of_text, given.random)
    columns = {name: value for name, value in options.items() if not isinstance(value, torch.Tensor)}
    tensors = {name: value.expand(3, -1) for name, value in options.items() if isinstance(value, torch.Tensor)}
    return _apply(transform, numbers, ctx, columns, tensors)[0].tolist()


def _apply(
    transform: Transform,
    logits: torch.Tensor,
    ctx: StepContext,
    numbers: dict[str, object],
    tensors: dict[str, torch.Tensor],
) -> torch.Tensor:
    columns = dict(tensors)
    for name, value in numbers.items():
        dtype = torch.int64 if isinstance(value, int) else torch.float64
        columns[name] = torch.tensor([value] * len(logits), dtype=dtype)
    before = logits.clone()
    given = transform.apply(logits, columns, ctx)
    assert torch.equal(logits, before)
    return given


@settings(max_examples=150, deadline=None)
@given(row, histories, st.sampled_from([0.5, 1.0, 1.3, 4.0]), st.integers(0, 30))
def test_repetition_penalty(logits: list[float], history: list[int], penalty: float, last: int) -> None:
    given = one_row(RepetitionPenalty(), logits, history, repetition_penalty=penalty, repetition_window=last)
    assert given == pytest.approx(definitions.repetition(logits, history, penalty, last), rel=1e-6, abs=1e-6)


@settings(max_examples=150, deadline=None)
@given(
    row,
    histories,
    st.integers(0, 24),
    st.sampled_from([0.0, 0.5, -1.0, 3.0]),
    st.sampled_from([0.0, 0.7, -2.0]),
    st.integers(0, 30),
    st.booleans(),
)
def test_frequency_and_presence(
    logits: list[float], history: list[int], prompt: int, frequency: float, presence: float, last: int, all_: bool
) -> None:
    """With the prompt and without it, with a window and without one."""
    prompt = min(prompt, len(history))
    given = one_row(
        OccurrencePenalty(),
        logits,
        history,
        prompt=prompt,
        frequency_penalty=frequency,
        presence_penalty=presence,
        penalty_prompt=int(all_),
        penalty_window=last,
    )
    expected = definitions.occurrence(logits, history, prompt, frequency, presence, last, all_)
    assert given == pytest.approx(expected, rel=1e-5, abs=1e-5)


@settings(max_examples=200, deadline=None)
@given(row, histories, st.integers(0, 8))
def test_no_repeat_ngram(logits: list[float], history: list[int], size: int) -> None:
    given = one_row(NoRepeatNgram(), logits, history, no_repeat_ngram_size=size)
    assert given == definitions.no_repeat(logits, history, size)


@settings(max_examples=200, deadline=None)
@given(
    row,
    st.lists(st.integers(0, 3), max_size=30),
    st.sampled_from([0.0, 0.8, 2.5]),
    st.sampled_from([1.0, 1.75, 4.0]),
    st.integers(1, 5),
    st.integers(0, 30),
    st.sets(st.integers(0, 3), max_size=2),
)
def test_dry(
    logits: list[float], history: list[int], multiplier: float, base: float, allowed: int, last: int, breakers: set[int]
) -> None:
    """Few tokens, so that long repetitions are common."""
    given = one_row(
        DRY(),
        logits,
        history,
        dry_multiplier=multiplier,
        dry_base=base,
        dry_allowed_length=allowed,
        dry_window=last,
        breaking=torch.tensor([sorted(breakers)], dtype=torch.int64),
    )
    expected = definitions.dry(logits, history, multiplier, base, allowed, last, breakers)
    assert given == pytest.approx(expected, rel=1e-5, abs=1e-4)


def test_a_very_long_repetition_stays_finite() -> None:
    logits = [0.5, 0.25, 0.0, 1.0, 2.0, -1.0]
    given = one_row(
        DRY(),
        logits,
        [0] * 400,
        dry_multiplier=1e4,
        dry_base=100.0,
        dry_allowed_length=1,
        dry_window=0,
        breaking=torch.zeros(1, 0, dtype=torch.int64),
    )
    assert given[0] == 0.5 - 1e6 and given[1:] == logits[1:]


@pytest.mark.parametrize("index", range(5))
def test_minimum_length(index: int) -> None:
    logits = torch.tensor([[1.0, 2.0, 3.0]])
    given = context(logits, [[1]])
    ctx = StepContext(torch.tensor([index]), given.history, 3, 0, given.random)
    left = MinimumLength().apply(logits, {"min_new_tokens": torch.tensor([3])}, ctx)[0].tolist()
    assert left == ([definitions.NOTHING, 2.0, 3.0] if index < 3 else [1.0, 2.0, 3.0])
    alone = logits.masked_fill(torch.tensor([[False, True, True]]), definitions.NOTHING)
    assert torch.equal(MinimumLength().apply(alone, {"min_new_tokens": torch.tensor([3])}, ctx), alone)


def test_where_all_would_be_removed_the_row_stays() -> None:
    logits = [1.0] * WIDTH
    assert one_row(NoRepeatNgram(), logits, list(range(WIDTH)), no_repeat_ngram_size=1) == logits


def random_batch(seed: int, rows: int, length: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(rows, width, generator=generator) * 4
    return logits, torch.randint(0, width, (rows, length), generator=generator)


@pytest.mark.parametrize("penalty", [0.7, 1.2, 3.0])
def test_repetition_penalty_is_that_of_transformers(penalty: float) -> None:
    logits, ids = random_batch(1, 500, 12, 40)
    theirs = RepetitionPenaltyLogitsProcessor(penalty)(ids, logits.clone())
    ours = apply(
        RepetitionPenalty(), logits, context(logits, ids.tolist()), repetition_penalty=penalty, repetition_window=0
    )
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("length", [1, 2, 3, 9, 40])
def test_no_repeat_ngram_is_that_of_transformers(size: int, length: int) -> None:
    logits, ids = random_batch(size * 100 + length, 300, length, 5 if size > 1 else 60)
    theirs = NoRepeatNGramLogitsProcessor(size)(ids, logits.clone())
    ours = apply(NoRepeatNgram(), logits, context(logits, ids.tolist()), no_repeat_ngram_size=size)
    nothing_left = theirs.isneginf().all(dim=1, keepdim=True)
    assert torch.equal(ours, torch.where(nothing_left, logits, theirs))


@pytest.mark.parametrize("generated", [0, 1, 4, 5, 6])
def test_minimum_length_is_that_of_transformers(generated: int) -> None:
    logits, ids = random_batch(3, 50, 7 + generated, 20)
    theirs = MinNewTokensLengthLogitsProcessor(7, 5, 0, device="cpu")(ids, logits.clone())
    given = context(logits, ids.tolist())
    ctx = StepContext(torch.full((50,), generated), given.history, 20, 0, given.random)
    ours = MinimumLength().apply(logits, {"min_new_tokens": torch.full((50,), 5)}, ctx)
    assert torch.equal(ours, theirs)


EVEN = [0.2] * 5
LLAMA_PENALTIES = [
    (EVEN, [0], [0, 0.25, 0.25, 0.25, 0.25], 50.0, 0.0, 0.0),
    (EVEN, [0, 1, 2], [0, 0, 0, 0.5, 0.5], 50.0, 0.0, 0.0),
    (EVEN, [0, 1, 2, 0, 0], [0, 0, 0, 0.5, 0.5], 50.0, 0.0, 0.0),
    (EVEN, [0], [0.000011, 0.249997, 0.249997, 0.249997, 0.249997], 1.0, 5.0, 5.0),
    (EVEN, [0, 1, 2], [0.000023, 0.000023, 0.000023, 0.499966, 0.499966], 1.0, 5.0, 5.0),
    (EVEN, [0, 1, 2, 0, 0], [0.000000, 0.000023, 0.000023, 0.499977, 0.499977], 1.0, 5.0, 5.0),
]
LLAMA_DRY = [
    ([0.25] * 4, [0, 1], [0.25] * 4, 1.0, 2, []),
    ([0.25] * 4, [0, 1, 2, 0, 1], [0.296923, 0.296923, 0.109232, 0.296923], 1.0, 2, []),
    (EVEN, [0, 1, 3, 4, 0, 1], EVEN, 1.0, 2, [3]),
    (EVEN, [0, 1, 2, 0, 1], [0.241818, 0.241818, 0.032727, 0.241818, 0.241818], 2.0, 2, []),
    (EVEN, [0, 1, 2, 3, 4, 0, 1], EVEN, 1.0, 4, []),
]


@pytest.mark.parametrize(("shares", "history", "expected", "repeat", "frequency", "presence"), LLAMA_PENALTIES)
def test_the_numbers_of_llama_cpp_for_penalties(
    shares: list[float], history: list[int], expected: list[float], repeat: float, frequency: float, presence: float
) -> None:
    """tests/test-sampling.cpp of llama.cpp, MIT licence; its history is all prompt."""
    logits = torch.tensor([shares]).log()
    ctx = context(logits, [history])
    logits = apply(RepetitionPenalty(), logits, ctx, repetition_penalty=repeat, repetition_window=len(history))
    logits = apply(
        OccurrencePenalty(),
        logits,
        ctx,
        frequency_penalty=frequency,
        presence_penalty=presence,
        penalty_prompt=1,
        penalty_window=len(history),
    )
    assert logits.softmax(dim=1)[0].tolist() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("shares", "history", "expected", "multiplier", "allowed", "breakers"), LLAMA_DRY)
def test_the_numbers_of_llama_cpp_for_dry(
    shares: list[float],
    history: list[int],
    expected: list[float],
    multiplier: float,
    allowed: int,
    breakers: list[int],
) -> None:
    """tests/test-sampling.cpp of llama.cpp, MIT licence; base 1.1 throughout."""
    logits = torch.tensor([shares]).log()
    numbers = {
        "dry_multiplier": multiplier,
        "dry_base": 1.1,
        "dry_allowed_length": allowed,
        "dry_window": len(history),
    }
    tensors = {"breaking": torch.tensor([breakers], dtype=torch.int64).view(1, -1)}
    given = _apply(DRY(), logits, context(logits, [history]), dict(numbers), tensors)
    assert given.softmax(dim=1)[0].tolist() == pytest.approx(expected, abs=1e-5)


def test_a_token_counts_once_for_each_time_and_not_twice() -> None:
    """Also where a batch holds rows of many lengths (pitfall 7)."""
    draw = random.Random(5)
    rows = [[draw.randrange(WIDTH) for _ in range(draw.randint(0, 20))] for _ in range(60)]
    logits = torch.zeros(60, WIDTH)
    given = apply(
        OccurrencePenalty(),
        logits,
        context(logits, rows),
        frequency_penalty=1.0,
        presence_penalty=0.0,
        penalty_prompt=1,
        penalty_window=0,
    )
    assert (-given).tolist() == [[float(history.count(token)) for token in range(WIDTH)] for history in rows]
