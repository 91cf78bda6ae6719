"""How many steps a budget gives, and that none is an error with the numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zaoju.errors import UserError
from zaoju.models import GPT2, CausalLM, GPT2Config, TransformersLM, load_model, model_numbers
from zaoju.pipeline.calibrate import Probe, calibrate
from zaoju.tokenization import PackedTokens
from zaoju.training import (
    Budget,
    DocumentBatches,
    Pace,
    PackedBatches,
    count_looks,
    count_steps,
    estimate_memory,
    preflight,
    time_steps,
)


def corpus(count: int) -> PackedBatches:
    tokens = PackedTokens(np.zeros(count, dtype=np.uint16), np.asarray([count], dtype=np.uint64), "none", 1)
    return PackedBatches(tokens, window=10, batch_size=8, seed=1)


def test_budgets() -> None:
    assert count_steps(Budget(steps=7), corpus(1001), 1) == 7
    assert count_steps(Budget(epochs=2), corpus(1001), 1) == 25
    assert count_steps(Budget(epochs=2), corpus(1001), 5) == 5
    assert count_steps(Budget(epochs=1), corpus(90), 1) == 1
    assert 80 <= count_steps(Budget(minutes=1), corpus(1001), 1, Pace(0.6)) <= 100


def test_looks_are_paid_from_the_budget() -> None:
    budget, pace = Budget(minutes=1), Pace(0.5, look_seconds=2.0, spent=4.0)
    assert count_looks(budget, pace) == 3
    steps = count_steps(budget, corpus(1001), 1, pace)
    assert 4 + 3 * 2 + steps * 0.5 == pytest.approx(60 - 0.03 * 56, abs=0.5)
    assert count_looks(budget, Pace(0.5, look_seconds=60)) == 1, "the last one is always there"
    assert count_looks(budget, Pace(0.5, look_seconds=0.01)) == count_looks(Budget(steps=9), None) == 6


@pytest.mark.parametrize(
    ("budget", "says"),
    [
        (Budget(epochs=0.01), "0.01 of 100 windows of 10 tokens is less than half of a step of 8 windows"),
        (Budget(minutes=0.01), r"one step takes 0\.6 s here, and minutes: 0.01 was asked for"),
    ],
)
def test_no_steps_is_an_error(budget: Budget, says: str) -> None:
    with pytest.raises(UserError, match=f"would have 0 steps.*{says}"):
        count_steps(budget, corpus(1001), 1, Pace(0.6))


def test_memory_counts_weights_activations_and_logits() -> None:
    numbers = {"n_positions": 8, "n_embd": 16, "n_layer": 2, "n_head": 2}
    small, large = (GPT2(GPT2Config(vocab_size=size, **numbers)) for size in (100, 200))
    states = 16 * small.parameter_count()
    assert estimate_memory(small, 64) > estimate_memory(small, 32) > states
    # A pass of nothing leaves the states; each token more keeps 16 vectors of a layer, in float32.
    per_token = estimate_memory(small, 30_001) - estimate_memory(small, 30_000)
    assert per_token >= 4 * 16 * small.width * small.layers
    huge = 10**9
    assert large.logits_of_loss(huge) < 1e8 < CausalLM.logits_of_loss(large, huge)


def test_gradients_that_stay_take_memory_of_their_own() -> None:
    model = GPT2(GPT2Config(vocab_size=100, n_positions=8, n_embd=16, n_layer=2, n_head=2))
    more = estimate_memory(model, 10_000, accumulates=True) - estimate_memory(model, 10_000)
    assert more == pytest.approx(1.1 * 4 * model.parameter_count(), abs=1)


def test_dropout_keeps_what_it_has_left_out() -> None:
    """On a CPU factors in float32, and the scores of attention; on a GPU a byte for each number."""
    numbers = {"n_positions": 8, "n_embd": 16, "n_layer": 2, "n_head": 2}
    tokens, window = 8000, 5

    def more(device: str, **dropout: float) -> float:
        none = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
        without, model = (GPT2(GPT2Config(vocab_size=100, **numbers, **{**none, **given})) for given in ({}, dropout))
        with_dropout, plain = (
            estimate_memory(one, tokens, window=window, device=device, accumulates=True) for one in (model, without)
        )
        return (with_dropout - plain) / 1.1

    residual, scores = tokens * 16 * 5, tokens * window * 2
    assert more("cpu", resid_pdrop=0.1) == pytest.approx(4 * residual, rel=1e-3)
    assert more("cuda", resid_pdrop=0.1) == pytest.approx(residual, rel=1e-3)
    assert more("cpu", attn_pdrop=0.1) == pytest.approx(4 * scores * 8, rel=1e-3)
    assert more("cuda", attn_pdrop=0.1) == 0


def test_every_kind_of_model_says_its_dropout(tmp_path: Path) -> None:
    given = {"n_positions": 8, "n_embd": 16, "n_layer": 2, "n_head": 2, "resid_pdrop": 0.2, "attn_pdrop": 0.3}
    GPT2(GPT2Config.from_numbers({**given, "vocab_size": 100})).save(tmp_path)
    for model in (load_model(tmp_path, "cpu"), TransformersLM.from_folder(tmp_path)):
        assert (model.heads, model.residual_dropout, model.attention_dropout) == (2, 0.2, 0.3)


def test_averages_take_4_bytes_a_trained_weight() -> None:
    model = GPT2(GPT2Config(vocab_size=100, n_positions=8, n_embd=16, n_layer=2, n_head=2))
    model.transformer.wpe.requires_grad_(False)
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    more = estimate_memory(model, 64, averages=True) - estimate_memory(model, 64)
    assert more == pytest.approx(1.1 * 4 * trained, abs=1)


def test_weights_that_stand_still_have_no_moments() -> None:
    model = GPT2(GPT2Config(vocab_size=100, n_positions=8, n_embd=16, n_layer=2, n_head=2))
    whole = estimate_memory(model, 64, accumulates=True)
    model.transformer.h.requires_grad_(False)
    frozen = sum(parameter.numel() for parameter in model.transformer.h.parameters())
    assert whole - estimate_memory(model, 64, accumulates=True) == pytest.approx(1.1 * 12 * frozen, abs=1)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak of a process is read on Linux")
@pytest.mark.parametrize(("size", "sequences"), [("tiny", 64), ("mini", 16)])
def test_memory_is_that_of_a_measured_run(size: str, sequences: int) -> None:
    """Within 15 percent, as `benchmarks/plan.py` shows for more sizes."""
    calibration = calibrate(device="cpu", probes=[Probe(size, sequences)])
    (step,) = calibration.steps
    numbers = {**model_numbers("gpt2", size, {}), "vocab_size": step.shape.vocabulary}
    expected = estimate_memory(
        GPT2(GPT2Config.from_numbers(numbers)),
        sequences * step.shape.context,
        bfloat16=calibration.precision == "autocast",
    )
    assert step.peak_bytes == pytest.approx(expected, rel=0.15)


def test_steps_are_timed_as_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Documents of all lengths make batches of all sizes; here a step takes a millisecond for each of their places."""
    draw = np.random.Generator(np.random.Philox(1))
    lengths = draw.integers(1, 120, 4000)
    tokens, ends = np.ones(lengths.sum(), dtype=np.uint16), np.cumsum(lengths).astype(np.uint64)
    batches = DocumentBatches(
        PackedTokens(tokens, ends, "of no tokenizer", 100), window=128, batch_size=4, end_of_text=0, seed=1, passes=2
    )
    clock = [0.0]
    monkeypatch.setattr(preflight.time, "perf_counter", lambda: clock[0])

    def places(number: int) -> int:
        return sum(batches.batch(index)[0].numel() for index in (2 * number, 2 * number + 1))

    def step(number: int) -> None:
        clock[0] += places(number) / 1000

    usual = sum(places(number) for number in range(400)) / 400 / 1000
    assert time_steps(step, batches, 2, Budget(minutes=1)) == pytest.approx(usual, rel=0.05)
    assert abs(places(1) / 1000 / usual - 1) > 0.2, "one step alone says little"
