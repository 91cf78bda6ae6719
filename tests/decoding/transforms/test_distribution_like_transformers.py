"""The transforms and transformers' own, in thousands of random cases each, and where they differ on purpose."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from distribution_references import FILTERS
from transformers import LogitsProcessor
from transformers.generation.logits_process import (
    EpsilonLogitsWarper,
    EtaLogitsWarper,
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopHLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
    TypicalLogitsWarper,
)

from support.decoder_helpers import apply, kept
from zaoju_builtin.decoding.transforms.temperature import Temperature

VALUES, ROWS = 40, 100
Theirs = Callable[[float], LogitsProcessor]


def random_logits(width: int) -> torch.Tensor:
    """[VALUES * ROWS, width]: flat rows and peaked ones; of every third some tokens are removed already."""
    generator = torch.Generator().manual_seed(width)
    count = VALUES * ROWS
    logits = torch.randn(count, width, generator=generator) * torch.rand(count, 1, generator=generator) * 8
    logits[::3] = logits[::3].masked_fill(torch.rand(logits[::3].shape, generator=generator) < 0.5, -torch.inf)
    logits[:, 3] = logits[:, 3].clamp(min=0)
    return logits


def random_values(seed: int) -> torch.Tensor:
    """[VALUES] float32 in (0, 1): a float32 is what `EtaLogitsWarper` makes of its number."""
    return torch.rand(VALUES, generator=torch.Generator().manual_seed(seed)).clamp(0.001, 0.999)


def by_transformers(theirs: Theirs, values: list[float], logits: torch.Tensor) -> torch.Tensor:
    """What a warper for each of the values makes of its share of the rows, in float64 as here."""
    ids = torch.zeros(ROWS, 1, dtype=torch.int64)
    parts = logits.double().chunk(len(values))
    return torch.cat([theirs(value)(ids, part) for value, part in zip(values, parts, strict=True)]).float()


@pytest.mark.parametrize(
    ("option", "theirs", "largest"),
    [
        ("top_p", TopPLogitsWarper, 1.0),
        ("min_p", MinPLogitsWarper, 1.0),
        ("typical_p", TypicalLogitsWarper, 1.0),
        ("epsilon_cutoff", EpsilonLogitsWarper, 0.1),
        ("epsilon_cutoff", EpsilonLogitsWarper, 1.0),
        ("eta_cutoff", EtaLogitsWarper, 0.1),
        ("eta_cutoff", EtaLogitsWarper, 1.0),
        ("top_h", TopHLogitsWarper, 1.0),
    ],
)
@pytest.mark.parametrize("width", [7, 60, 300])
def test_the_same_tokens_stay(option: str, theirs: Theirs, largest: float, width: int) -> None:
    logits = random_logits(width)
    values = (random_values(width) * torch.tensor(largest)).tolist()
    each = [value for value in values for _ in range(ROWS)]
    transform, _ = FILTERS[option]
    assert torch.equal(apply(transform, logits, **{option: each}), by_transformers(theirs, values, logits))


@pytest.mark.parametrize("width", [7, 60, 300])
def test_top_k(width: int) -> None:
    logits = random_logits(width)
    values = torch.randint(1, width + 5, (VALUES,), generator=torch.Generator().manual_seed(width)).tolist()
    each = [value for value in values for _ in range(ROWS)]
    got = apply(FILTERS["top_k"][0], logits, top_k=each)
    assert torch.equal(got, by_transformers(lambda value: TopKLogitsWarper(int(value)), values, logits))


def test_temperature() -> None:
    logits = random_logits(60)
    values = (random_values(60) * 5).tolist()
    each = [value for value in values for _ in range(ROWS)]
    expected = by_transformers(TemperatureLogitsWarper, values, logits)
    torch.testing.assert_close(apply(Temperature(), logits, temperature=each), expected)


TIES = torch.tensor([[0.0, 1.0, 0.0, 1.0, 0.0, 0.0, -9.0, -9.0]])
"""Two tokens of 0.287 each, four of 0.106, and two that hardly count."""


@pytest.mark.parametrize(
    ("option", "value", "theirs", "here", "there"),
    [
        ("top_k", 3, TopKLogitsWarper, {0, 1, 3}, {0, 1, 2, 3, 4, 5}),
        ("typical_p", 0.7, TypicalLogitsWarper, {0, 1, 2, 3}, {0, 1, 2, 3, 4, 5}),
    ],
)
def test_of_equals_transformers_keeps_all_and_zaoju_as_many_as_are_needed(
    option: str, value: float, theirs: Theirs, here: set[int], there: set[int]
) -> None:
    transform, _ = FILTERS[option]
    assert kept(apply(transform, TIES, **{option: value})[0]) == here
    assert kept(theirs(value)(torch.zeros(1, 1), TIES)[0]) == there


def test_of_equals_transformers_keeps_any_and_zaoju_the_first() -> None:
    """As many are needed and stay; which of them is left to the order of an unstable sort there."""
    for option, theirs in (("top_p", TopPLogitsWarper), ("top_h", TopHLogitsWarper)):
        transform, _ = FILTERS[option]
        got, expected = kept(apply(transform, TIES, **{option: 0.6})[0]), kept(theirs(0.6)(torch.zeros(1, 1), TIES)[0])
        assert got == {0, 1, 3} and len(expected) == 3 and {1, 3} < expected, option


def test_a_top_h_of_1_keeps_all_here_and_100_there() -> None:
    """1 is the neutral value here, at which no row is touched."""
    logits = torch.linspace(0, 1, 300)[None]
    assert len(kept(apply(FILTERS["top_h"][0], logits, top_h=1.0)[0])) == 300
    assert len(kept(TopHLogitsWarper(1.0)(torch.zeros(1, 1), logits)[0])) <= 100
