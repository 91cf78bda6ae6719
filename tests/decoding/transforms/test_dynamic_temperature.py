"""Dynamic temperature: what it is where the model is sure and where it is not."""

from __future__ import annotations

import pytest
import torch
from distribution_references import NOTHING, dynamic_temperature
from pydantic import ValidationError

from support.decoder_helpers import apply, random_rows
from zaoju_builtin.decoding.transforms.dynamic_temperature import DynamicTemperature
from zaoju_builtin.decoding.transforms.options import DynamicTemperatureOptions


def heated(logits: torch.Tensor, coldest: float, hottest: float, exponent: float = 1.0) -> torch.Tensor:
    return apply(DynamicTemperature(), logits, dynatemp_min=coldest, dynatemp_max=hottest, dynatemp_exponent=exponent)


@pytest.mark.parametrize("exponent", [0.0, 0.3, 1.0, 2.5, 50.0])
def test_the_definition(exponent: float) -> None:
    logits = torch.cat([random_rows(seed, 20, 30) / 2**seed for seed in range(6)])
    logits[::3] = logits[::3].masked_fill(torch.arange(30) % 3 == 1, NOTHING)
    got = heated(logits, 0.5, 2.0, exponent)
    temperatures = [dynamic_temperature(row, 0.5, 2.0, exponent) for row in logits.tolist()]
    torch.testing.assert_close(got.double(), logits.double() / torch.tensor(temperatures).double()[:, None])


def test_certain_and_even_rows_have_the_extremes() -> None:
    """The largest entropy is that of the tokens that are left, whatever the vocabulary is."""
    certain, even = [900.0, 0.0, 0.0, 0.0], [3.0, 3.0, NOTHING, 3.0]
    got = heated(torch.tensor([certain, even]), 0.5, 1.5)
    assert got.tolist() == [[1800.0, 0.0, 0.0, 0.0], [2.0, 2.0, NOTHING, 2.0]]


def test_a_lone_token_stays_as_it_is() -> None:
    logits = torch.tensor([[NOTHING, 7.0, NOTHING]])
    assert torch.equal(heated(logits, 0.5, 3.0), logits)
    assert torch.equal(heated(torch.tensor([[7.0]]), 0.5, 3.0), torch.tensor([[7.0]]))


def test_rounding_leads_beyond_no_extreme() -> None:
    """The entropy of equal tokens may come out a little larger than the largest, which a great exponent makes much."""
    for count in range(2, 60):
        got = heated(torch.full((1, count), 3.0), 0.5, 1.5, 1e18)
        assert 2.0 <= got.min() <= got.max() <= 6.0


def test_at_0_the_most_probable_token_is_left() -> None:
    assert heated(torch.tensor([[900.0, 900.0, 0.0], [1.0, 5.0, 5.0]]), 0.0, 0.0).isfinite().tolist() == [
        [True, False, False],
        [False, True, False],
    ]
    assert heated(torch.tensor([[900.0, 0.0]]), 0.0, 1.0).tolist() == [[900.0, NOTHING]]


def test_equal_extremes_are_a_temperature() -> None:
    logits = random_rows(1, 5, 20)
    torch.testing.assert_close(heated(logits, 0.7, 0.7, 3.0), logits / 0.7)


def test_extremes_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"dynatemp_min is 2\.0 and dynatemp_max 1\.5"):
        DynamicTemperatureOptions(dynatemp_min=2.0)
