"""Random numbers that are a function."""

from __future__ import annotations

import math

import pytest

from zaoju.generation.uniforms import _open_unit, fresh_seed, mix, sample_seeds, uniform


def test_splitmix64_gives_the_published_numbers() -> None:
    """The first outputs of Vigna's splitmix64.c for the seed 1234567."""
    state, outputs = 1234567, []
    for _ in range(3):
        outputs.append(mix(state))
        state = (state + 0x9E3779B97F4A7C15) % 2**64
    assert outputs == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@pytest.mark.parametrize("bits", [0, 1, 2**64 - 1, 2**64 - 2**11, 2**63])
def test_never_zero_or_one(bits: int) -> None:
    assert 0.0 < _open_unit(bits) < 1.0


def test_a_function_of_seed_index_and_stream() -> None:
    assert uniform(7, 3, "sample") == uniform(7, 3, "sample")
    values = {uniform(seed, index, stream) for seed in range(20) for index in range(20) for stream in ("a", "b")}
    assert len(values) == 800


def chi_square(counts: list[int]) -> float:
    """How many standard deviations the statistic lies from its mean."""
    expected = sum(counts) / len(counts)
    statistic = sum((count - expected) ** 2 / expected for count in counts)
    freedom = len(counts) - 1
    return (statistic - freedom) / math.sqrt(2 * freedom)


@pytest.mark.parametrize(
    "second", [(0, 1, "sample"), (1, 0, "sample"), (0, 0, "other")], ids=["index", "seed", "stream"]
)
def test_neighbours_are_independent(second: tuple[int, int, str]) -> None:
    """Pairs of neighbouring indices, seeds and streams, in a grid of 16 x 16 cells."""
    step_seed, step_index, stream = second
    cells = [0] * 256
    for number in range(25_600):
        seed, index = number // 160 * 2, number % 160 * 2
        one = int(uniform(seed, index, "sample") * 16)
        two = int(uniform(seed + step_seed, index + step_index, stream) * 16)
        cells[16 * one + two] += 1
    assert abs(chi_square(cells)) < 6


def test_the_check_finds_shared_numbers() -> None:
    """The negative control: seed + index as one number makes neighbours share what they draw."""
    cells = [0] * 256
    for number in range(25_600):
        seed, index = number // 160 * 2, number % 160 * 2
        one, two = (_open_unit(mix(total)) for total in (seed + 1 + index, seed + index + 1))
        cells[16 * int(one * 16) + int(two * 16)] += 1
    assert abs(chi_square(cells)) > 100


def test_the_first_of_several_samples_is_the_only_one() -> None:
    assert sample_seeds(7, 1) == [7]
    assert sample_seeds(7, 4)[:2] == sample_seeds(7, 2)
    assert len(set(sample_seeds(7, 1000))) == 1000
    assert sample_seeds(7, 0) == []


def test_seeds_fit_a_json_number() -> None:
    assert all(0 <= seed < 2**53 for seed in [*sample_seeds(2**60, 50)[1:], fresh_seed()])
