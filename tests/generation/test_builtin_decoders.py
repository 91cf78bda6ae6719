"""The builtin transforms and selectors: against transformers, against float64 references, at their edges."""

from __future__ import annotations

import random

import pytest
import torch
from transformers import (
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from support.decoder_helpers import apply, context, kept, nucleus, random_rows, ranked
from zaoju.contracts import Transform
from zaoju_builtin.decoding.selectors.argmax import Argmax
from zaoju_builtin.decoding.selectors.sample import Sample
from zaoju_builtin.decoding.transforms.temperature import Temperature
from zaoju_builtin.decoding.transforms.top_k import TopK
from zaoju_builtin.decoding.transforms.top_p import TopP

INFINITY = float("inf")
CASES = range(250)

ACTIVE: list[tuple[Transform, dict[str, float]]] = [
    (Temperature(), {"temperature": 0.7}),
    (Temperature(), {"temperature": 0.0}),
    (TopK(), {"top_k": 3}),
    (TopP(), {"top_p": 0.8}),
]
NAMES = [f"{type(transform).__name__}-{value}" for transform, options in ACTIVE for value in options.values()]
each_transform = pytest.mark.parametrize(("transform", "options"), ACTIVE, ids=NAMES)


def bits(tensor: torch.Tensor) -> list[int]:
    return tensor.contiguous().view(torch.int32).flatten().tolist()


class TestAgainstTransformers:
    def test_temperature(self) -> None:
        for case in CASES:
            logits = random_rows(case, 3, 50)
            temperature = random.Random(case).uniform(0.05, 5)
            expected = TemperatureLogitsWarper(temperature)(torch.zeros(3, 1, dtype=torch.int64), logits)
            torch.testing.assert_close(apply(Temperature(), logits, temperature=temperature), expected)

    def test_top_k(self) -> None:
        for case in CASES:
            logits = random_rows(case, 3, 50)
            top_k = random.Random(case).randint(1, 60)
            expected = TopKLogitsWarper(top_k)(torch.zeros(3, 1, dtype=torch.int64), logits.clone())
            assert torch.equal(apply(TopK(), logits, top_k=top_k), expected)

    def test_top_p(self) -> None:
        for case in CASES:
            logits = random_rows(case, 3, 50)
            top_p = random.Random(case).uniform(0.01, 0.99)
            expected = TopPLogitsWarper(top_p)(torch.zeros(3, 1, dtype=torch.int64), logits.clone())
            assert torch.equal(apply(TopP(), logits, top_p=top_p), expected)


class TestTemperature:
    def test_zero_keeps_the_first_of_the_largest(self) -> None:
        logits = torch.tensor([[1.0, 3.0, 3.0, 2.0]])
        assert apply(Temperature(), logits, temperature=0.0).tolist() == [[-INFINITY, 3.0, -INFINITY, -INFINITY]]

    @pytest.mark.parametrize("temperature", [0.0, 1e-12, 1e-6, 100.0])
    def test_extreme_logits_stay_usable(self, temperature: float) -> None:
        logits = torch.tensor([[1e4, -1e4, 9999.0, -INFINITY]])
        got = apply(Temperature(), logits, temperature=temperature)
        assert not got.isnan().any() and got.argmax() == 0 and got[0, 0].isfinite() and got[0, 3] == -INFINITY
        assert (got.softmax(1)[0, 0] == 1) == (temperature < 1)


class TestTopK:
    def test_keeps_exactly_k_the_lower_id_first_among_equals(self) -> None:
        for case in CASES:
            (row,) = logits = random_rows(case, 1, 40, coarse=True)
            top_k = random.Random(case).randint(1, 40)
            assert kept(apply(TopK(), logits, top_k=top_k)[0]) == set(ranked(row)[:top_k])

    def test_all_equal(self) -> None:
        assert kept(apply(TopK(), torch.zeros(1, 9), top_k=4)[0]) == {0, 1, 2, 3}

    def test_more_than_there_are(self) -> None:
        logits = random_rows(0, 2, 5)
        assert torch.equal(apply(TopK(), logits, top_k=99), logits)


class TestTopP:
    def test_against_the_definition(self) -> None:
        for case in CASES:
            (row,) = logits = random_rows(case, 1, 40, coarse=case % 2 == 0)
            top_p = random.Random(case).uniform(0.0, 0.999)
            assert kept(apply(TopP(), logits, top_p=top_p)[0]) == nucleus(row, top_p)

    @pytest.mark.parametrize(
        ("top_p", "count"), [(0.0, 1), (1e-9, 1), (0.25, 1), (0.2500001, 2), (0.5, 2), (0.75, 3), (0.7500001, 4)]
    )
    def test_the_boundary_is_exact(self, top_p: float, count: int) -> None:
        """Four equal tokens of 1/4 each: what reaches the share ends the set, the lower id first."""
        assert kept(apply(TopP(), torch.zeros(1, 4), top_p=top_p)[0]) == set(range(count))

    @pytest.mark.parametrize("spread", [0.001, 1.0, 3.0])
    def test_wide_rows(self, spread: float) -> None:
        """Flat rows need more tokens than a short list has, peaked ones fewer; both stand in one batch."""
        logits = random_rows(17, 6, 3000) * torch.tensor([[spread], [3.0], [0.001]] * 2)
        shares = [0.5, 0.9, 0.99, 0.1, 1.0, 0.3]
        got = apply(TopP(), logits, top_p=shares)
        for row, result, share in zip(logits, got, shares, strict=True):
            assert kept(result) == (nucleus(row, share) if share < 1 else kept(row))

    def test_after_a_filter_the_shares_are_those_of_what_is_left(self) -> None:
        logits = torch.tensor([[2.0, 1.0, 0.0, -INFINITY]])
        assert kept(apply(TopP(), logits, top_p=0.999999)[0]) == {0, 1, 2}


class TestEveryTransform:
    @each_transform
    def test_pure(self, transform: Transform, options: dict[str, float]) -> None:
        logits = random_rows(3, 4, 30)
        histories = [[1, 2, 3], [4], [5, 6], [29] * 4]
        before, state = logits.clone(), torch.get_rng_state()
        first = apply(transform, logits, context(logits, histories), **options)
        second = apply(transform, logits, context(logits, histories), **options)
        assert bits(first) == bits(second) and torch.equal(logits, before) and torch.equal(torch.get_rng_state(), state)
        assert first.dtype == torch.float32 and first.data_ptr() != logits.data_ptr()

    @each_transform
    def test_a_row_alone_is_the_row_in_a_batch(self, transform: Transform, options: dict[str, float]) -> None:
        """Also where rows are wide enough for torch to divide one row among threads."""
        torch.set_num_threads(2)
        logits = random_rows(5, 6, 40_000)
        histories = [[number, 7 * number, 9] for number in range(6)]
        (name, value) = next(iter(options.items()))
        values = [value, *transform.neutral.values(), value, value, *transform.neutral.values(), value]
        whole = apply(transform, logits, context(logits, histories), **{name: values})
        for number in range(6):
            row = logits[number : number + 1]
            alone = apply(transform, row, context(row, [histories[number]]), **{name: [values[number]]})
            assert bits(alone) == bits(whole[number : number + 1])

    @each_transform
    def test_the_neutral_value_changes_no_bit(self, transform: Transform, options: dict[str, float]) -> None:
        logits = random_rows(7, 3, 64)
        logits[0, :5] = torch.tensor([-INFINITY, 0.0, -0.0, 1e-42, 3e38])
        got = apply(transform, logits, context(logits, [[0, 1, 2, 3], [5], [6]]), **transform.neutral)
        assert bits(got) == bits(logits)

    @each_transform
    @pytest.mark.parametrize(
        "row", [[2.0], [0.0] * 6, [-INFINITY, 5.0, -INFINITY], [1e4, -1e4, 0.0], [-1e4] * 3], ids=str
    )
    def test_never_leaves_a_row_empty(self, transform: Transform, options: dict[str, float], row: list[float]) -> None:
        logits = torch.tensor([row])
        got = apply(transform, logits, context(logits, [[0]]), **options)
        assert kept(got[0]) and not got.isnan().any() and kept(got[0]) <= kept(logits[0])

    @each_transform
    def test_promise_about_the_most_probable_token(self, transform: Transform, options: dict[str, float]) -> None:
        logits = random_rows(11, 50, 30, coarse=True)
        same = torch.equal(apply(transform, logits, **options).argmax(1), logits.argmax(1))
        assert same or not transform.keeps_argmax


class TestSelectors:
    def test_argmax_takes_the_lowest_id_among_equals(self) -> None:
        logits = torch.tensor([[0.0, 5.0, 5.0], [-INFINITY, -INFINITY, -3.0]])
        assert Argmax().select(logits, context(logits)).tolist() == [1, 2]

    @pytest.mark.parametrize("uniform", [2.0**-53, 1e-9, 0.5, 1 - 1e-9, 1 - 2.0**-53])
    def test_a_token_of_probability_zero_is_never_drawn(self, uniform: float) -> None:
        logits = torch.tensor([[-INFINITY, -INFINITY, 1.0, -INFINITY, 1.0, -INFINITY]] * 2)
        logits[1, 2] = -INFINITY
        drawn = Sample().select(logits, context(logits, uniforms=[uniform] * 2)).tolist()
        assert drawn[0] in (2, 4) and drawn[1] == 4

    def test_draws_by_the_inverse_of_the_cumulative_distribution(self) -> None:
        logits = torch.tensor([[0.1, 0.2, 0.3, 0.4]]).log().repeat(8, 1)
        uniforms = [0.05, 0.0999, 0.1001, 0.29, 0.31, 0.59, 0.61, 0.999]
        assert Sample().select(logits, context(logits, uniforms=uniforms)).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]

    def test_a_token_begins_where_the_one_before_it_ends(self) -> None:
        logits = torch.tensor([[0.0, -INFINITY, 0.0]] * 2)
        assert Sample().select(logits, context(logits, uniforms=[0.5 - 2.0**-53, 0.5])).tolist() == [0, 2]

    def test_a_row_alone_draws_as_in_a_batch(self) -> None:
        torch.set_num_threads(2)
        logits = random_rows(13, 16, 40_000)
        uniforms = [(number + 0.5) / 16 for number in range(16)]
        together = Sample().select(logits, context(logits, uniforms=uniforms)).tolist()
        rows = [logits[number : number + 1] for number in range(16)]
        alone = [
            Sample().select(row, context(row, uniforms=[uniform])).item()
            for row, uniform in zip(rows, uniforms, strict=True)
        ]
        assert alone == together
