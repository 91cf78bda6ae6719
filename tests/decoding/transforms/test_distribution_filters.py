"""The filters against their definitions: ties, exact boundaries, wide rows, and whatever hypothesis thinks of."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from distribution_references import FILTERS, NOTHING, around, typical_order_is_clear
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from support.decoder_helpers import apply, context, kept, random_rows
from zaoju import Options, Transform
from zaoju_builtin.decoding.transforms import options as models
from zaoju_builtin.decoding.transforms.distribution import entropy, row_sums
from zaoju_builtin.decoding.transforms.dynamic_temperature import DynamicTemperature
from zaoju_builtin.decoding.transforms.epsilon import Epsilon
from zaoju_builtin.decoding.transforms.eta import Eta
from zaoju_builtin.decoding.transforms.min_p import MinP
from zaoju_builtin.decoding.transforms.mirostat import Mirostat
from zaoju_builtin.decoding.transforms.p_less import PLess
from zaoju_builtin.decoding.transforms.top_a import TopA
from zaoju_builtin.decoding.transforms.top_h import TopH
from zaoju_builtin.decoding.transforms.typical import Typical
from zaoju_builtin.decoding.transforms.xtc import XTC

NUMBERS, SWITCHES = [0.5, 0.9, 0.01, 0.3, 0.0], [1, 0, 1, 1, 0]
SHARES = [name for name in FILTERS if name not in ("top_k", "p_less")]
each_share = pytest.mark.parametrize("option", SHARES)

# Halves and quarters make many ties, also between the sides of what is expected.
some_logits = st.one_of(
    st.lists(st.integers(-40, 40).map(lambda number: number / 4), min_size=1, max_size=40),
    st.lists(st.floats(-30, 30, width=32), min_size=1, max_size=40),
    st.lists(st.sampled_from([0.0, -0.0, 1e4, -1e4, 88.5, 700.0]), min_size=1, max_size=12),
)


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def order_is_clear(row: list[float]) -> bool:
    """Whether no two logits differ by so little that only the rounding of an exponential tells them apart."""
    ordered = sorted(set(row))
    return all(above - below > 1e-12 for below, above in pairwise(ordered))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data(), logits=some_logits, value=st.floats(0, 1), removed=st.sets(st.integers(0, 39), max_size=30))
@each_share
def test_the_definition(option: str, data: st.DataObject, logits: list[float], value: float, removed: set[int]) -> None:
    """What a definition keeps a little below and a little above the value is kept, and nothing else."""
    saved = data.draw(st.integers(0, len(logits) - 1))
    row = [NOTHING if token in removed - {saved} else logit for token, logit in enumerate(logits)]
    assume(order_is_clear(row))
    if option == "typical_p":
        assume(typical_order_is_clear(row))
    transform, keep = FILTERS[option]
    got = kept(apply(transform, torch.tensor([row]), **{option: value})[0])
    one, other = (keep(row, near) for near in around(value))
    assert one & other <= got <= one | other


@settings(max_examples=150, deadline=None, derandomize=True)
@given(logits=some_logits)
def test_the_definition_of_p_less(logits: list[float]) -> None:
    transform, keep = FILTERS["p_less"]
    got = kept(apply(transform, torch.tensor([logits]), p_less=True)[0])
    assert keep(logits, 1 + 1e-12) <= got <= keep(logits, 1 - 1e-12)


@pytest.mark.parametrize(
    ("option", "value", "count"),
    [
        *(("top_p", value, count) for value, count in ((0.0, 1), (0.125, 1), (0.1250001, 2), (0.5, 4), (1 - 1e-9, 8))),
        *(("typical_p", value, count) for value, count in ((0.0, 1), (0.125, 1), (0.1250001, 2), (0.5, 4), (0.99, 8))),
        *(("top_h", value, count) for value, count in ((0.0, 1), (0.2499999, 1), (0.25, 2), (0.5, 4), (0.9999999, 7))),
        *((name, value, 8) for name in ("min_p", "epsilon_cutoff", "eta_cutoff", "top_a") for value in (0.0, 0.5, 1.0)),
        ("p_less", 1, 8),
    ],
)
def test_the_boundary_is_exact_where_all_are_equal(option: str, value: float, count: int) -> None:
    """Eight tokens of 1/8: what ranks takes the first ids; a threshold takes all, as all are most probable."""
    assert kept(apply(FILTERS[option][0], torch.zeros(1, 8), **{option: value})[0]) == set(range(count))


def test_a_threshold_is_reached_by_what_equals_it() -> None:
    logits = random_rows(23, 1, 12)
    probable = logits.double().softmax(dim=1)[0].tolist()
    for token in sorted(range(12), key=probable.__getitem__)[:-1]:
        least = probable[token]
        as_probable = {other for other in range(12) if probable[other] >= least}
        assert kept(apply(FILTERS["epsilon_cutoff"][0], logits, epsilon_cutoff=least)[0]) == as_probable
        above = math.nextafter(least, 1)
        assert kept(apply(FILTERS["epsilon_cutoff"][0], logits, epsilon_cutoff=above)[0]) == as_probable - {token}


def test_a_min_p_of_1_keeps_all_that_are_most_probable() -> None:
    logits = torch.tensor([[1.0, 2.0, math.nextafter(2.0, 0.0) - 1e-6, 2.0]])
    assert kept(apply(FILTERS["min_p"][0], logits, min_p=1.0)[0]) == {1, 3}


def test_the_most_probable_token_may_go_by_typical_only() -> None:
    logits = random_rows(3, 200, 30)
    for name, (transform, _) in FILTERS.items():
        got = apply(transform, logits, **{name: 3 if name == "top_k" else 0.3 if name != "p_less" else 1})
        stays = got.gather(1, logits.argmax(1, keepdim=True)).isfinite()
        assert stays.all() == (name != "typical_p") == transform.keeps_argmax, name
        assert transform.only_removes, name


@pytest.mark.parametrize("option", [*SHARES, "p_less"])
def test_wide_rows(option: str) -> None:
    """Flat rows need more tokens than a short list has, peaked ones fewer; neutral ones stand between them."""
    logits = random_rows(17, 6, 3000) * torch.tensor([[0.01], [3.0], [1.0]] * 2)
    transform, keep = FILTERS[option]
    neutral = transform.neutral[option]
    values = [1, 1, 1, 0, 1, 0] if option == "p_less" else [0.5, 0.9, 0.99, neutral, 0.1, neutral]
    got = apply(transform, logits, **{option: values})
    for row, result, value in zip(logits.tolist(), got, values, strict=True):
        assert kept(result) == keep(row, value)


@pytest.mark.parametrize(
    ("transform", "options"),
    [
        *((transform, {name: NUMBERS if name in SHARES else SWITCHES}) for name, (transform, _) in FILTERS.items()),
        (XTC(), {"xtc_probability": NUMBERS, "xtc_threshold": [1e-5] * 5}),
        (DynamicTemperature(), {"dynatemp_min": NUMBERS, "dynatemp_max": [2.0] * 5, "dynatemp_exponent": NUMBERS}),
        (Mirostat(), {"mirostat_tau": [5.0, 1.0, 0.0, 3.0, 2.0], "mirostat_eta": NUMBERS}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Transform) else "",
)
def test_a_row_alone_is_the_row_in_a_batch(
    transform: Transform, options: dict[str, list[float]], two_threads: None
) -> None:
    """Also where rows are wide enough for torch to divide one row among threads."""
    logits = random_rows(5, 5, 40_000)
    columns = {
        name: torch.tensor(values, dtype=torch.int64 if values is SWITCHES else torch.float64)
        for name, values in options.items()
    }
    state = transform.init_state(columns)

    def applied(rows: slice) -> torch.Tensor:
        ctx = replace(context(logits[rows]), state={name: tensor[rows] for name, tensor in state.items()})
        return transform.apply(logits[rows], {name: column[rows] for name, column in columns.items()}, ctx)

    whole = applied(slice(0, 5))
    for number in range(5):
        assert torch.equal(applied(slice(number, number + 1)), whole[number : number + 1])


def test_sums_of_a_row_alone_are_those_in_a_batch(two_threads: None) -> None:
    """To the last bit, on which no kept set of any other test depends."""
    probabilities = random_rows(5, 6, 40_000).double().softmax(dim=1)
    for sums in (row_sums, entropy):
        alone = [sums(probabilities[number : number + 1]) for number in range(6)]
        assert torch.equal(sums(probabilities), torch.cat(alone))


MODELS: list[tuple[type[Transform], type[Options]]] = [
    (MinP, models.MinPOptions),
    (Typical, models.TypicalOptions),
    (Epsilon, models.EpsilonOptions),
    (Eta, models.EtaOptions),
    (TopA, models.TopAOptions),
    (TopH, models.TopHOptions),
    (PLess, models.PLessOptions),
    (XTC, models.XTCOptions),
    (DynamicTemperature, models.DynamicTemperatureOptions),
    (Mirostat, models.MirostatOptions),
]
each_model = pytest.mark.parametrize(("transform", "model"), MODELS)


@each_model
def test_a_negative_number_is_refused(transform: type[Transform], model: type[Options]) -> None:
    for name in model.model_fields:
        with pytest.raises(ValidationError, match=name):
            model.model_validate({name: -0.1})


@each_model
def test_named_in_a_chain_it_acts(transform: type[Transform], model: type[Options]) -> None:
    """Who names a transform wants it to do something, so the defaults are not the neutral values."""
    defaults = model().model_dump()
    assert any(defaults[name] != value for name, value in transform.neutral.items())
