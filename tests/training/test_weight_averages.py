"""`ema`: the averages are what a slow computation gives, are scored and kept, and survive kills to the last bit."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from final_state import final_state
from packed_corpus import hashes
from pydantic import ValidationError
from safetensors.torch import load_file
from trainer_cases import CASES, STEPS, Case

from support.forked import in_child
from zaoju.contracts import Event, TrainStep
from zaoju.errors import Cancelled, UserError
from zaoju.models import CausalLM
from zaoju.training import read_counters
from zaoju_builtin.trainers.lean_loop import LeanLoop
from zaoju_builtin.trainers.options import LeanOptions, TransformersOptions

DECAY = 0.7
"""So low that the warm-up, which ends where (1 + n) / (10 + n) is higher, is over after 20 steps and not only begun."""

LONG = {"steps": 24, "evaluate_every": 8}

Weights = dict[str, torch.Tensor]


@pytest.fixture(scope="module", params=["lean", "lora"])
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def trained(model: CausalLM) -> Weights:
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters() if parameter.requires_grad}


def slow_averages(weights: list[Weights], decay: float, *, warm: bool = True) -> list[Weights]:
    """After each step, from the weights before the first step and after each, in 64 bits and one at a time."""
    average = {name: value.double() for name, value in weights[0].items()}
    found = [average]
    for number, after in enumerate(weights[1:]):
        kept = min(decay, (1 + number) / (10 + number)) if warm else decay
        average = {name: kept * average[name] + (1 - kept) * value.double() for name, value in after.items()}
        found.append(average)
    return found


def largest_difference(one: Weights, other: Weights) -> float:
    assert set(one) == set(other)
    return max(float((one[name].double() - other[name].double()).abs().max()) for name in one)


@pytest.fixture
def every_step(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Weights]]:
    """The weights before the first step of a run that is made, and after each."""
    found: list[Weights] = []
    real = LeanLoop.step

    def step(loop: LeanLoop, *given: object, **named: object) -> object:
        if not found:
            found.append(trained(loop.model))
        result = real(loop, *given, **named)  # type: ignore[arg-type]
        found.append(trained(loop.model))
        return result

    with monkeypatch.context() as patch:
        patch.setattr(LeanLoop, "step", step)
        yield found


def test_they_are_those_of_a_slow_computation_and_are_what_is_scored(
    case: Case, base: Path, tmp_path: Path, every_step: list[Weights]
) -> None:
    seen: dict[int, Weights] = {}

    def observe(step: int, model: CausalLM) -> float:
        seen[step] = trained(model)
        return 100.0 - step

    run = replace(case.run(tmp_path / "run", first_in=base), observe=observe)
    case.build(**LONG, ema=DECAY).train(run)
    slow, cold = (slow_averages(every_step, DECAY, warm=warm) for warm in (True, False))
    assert list(seen) == [8, 16, 24]
    for step, weights in seen.items():
        assert largest_difference(weights, slow[step]) < 1e-6
        assert largest_difference(weights, every_step[step]) > 1e-4, "the last weights would be seen"
    assert largest_difference(seen[8], cold[8]) > 1e-5, "a decay without its warm-up would be seen"


def test_they_are_what_is_left(tmp_path: Path, every_step: list[Weights]) -> None:
    """The last ones where nothing was better, and the best ones where something was; a checkpoint holds the weights."""
    case = CASES["lean"]
    for name, best in (("last", 24), ("best", 16)):
        every_step.clear()
        run = replace(case.run(tmp_path / name), observe=lambda step, model, best=best: abs(step - best))
        case.build(**LONG, ema=DECAY).train(run)
        left = load_file(run.artefact / "model.safetensors")
        assert largest_difference(left, slow_averages(every_step, DECAY)[best]) < 1e-6
        kept = load_file(run.checkpoints / "step-00000024" / "model.safetensors")
        assert all(torch.equal(kept[key], every_step[24][key]) for key in kept)


def test_they_change_no_step(case: Case, base: Path, tmp_path: Path) -> None:
    """Weights, moments and random states are those of a run without averages, to the last bit, looks included."""
    for name, ema in (("with", DECAY), ("without", None)):
        case.build(**LONG, ema=ema).train(case.run(tmp_path / name, first_in=base))
    ends = [hashes(tmp_path / name / "checkpoints" / "step-00000024") for name in ("with", "without")]
    differ = {name for name in ends[0] if ends[0][name] != ends[1][name]}
    # The averages lie beside the moments; PEFT writes the names of layers, which it keeps in a set, in any order.
    assert differ - {"adapter_config.json"} == {"manifest.json", "optimisers.safetensors", "state.json"}
    weights = "adapter_model.safetensors" if case is CASES["lora"] else "model.safetensors"
    assert weights in ends[0]
    moments = [
        load_file(tmp_path / name / "checkpoints" / "step-00000024" / "optimisers.safetensors")
        for name in ("with", "without")
    ]
    assert all(torch.equal(moments[0][key], value) for key, value in moments[1].items())
    assert {key.rpartition(".")[2] for key in set(moments[0]) - set(moments[1])} == {"average"}
    assert hashes(tmp_path / "with" / "model") != hashes(tmp_path / "without" / "model")


def killed_and_resumed(case: Case, base: Path, folder: Path, **options: object) -> dict[str, str]:
    """The end of a run that is killed twice, between a checkpoint and the next."""

    def dying(at: int) -> None:
        def emit(event: Event) -> None:
            if isinstance(event, TrainStep) and event.step == at:
                os.kill(os.getpid(), signal.SIGKILL)

        case.build(**options).train(case.run(folder, emit, first_in=base))

    for at in (4, 9):
        assert in_child(lambda at=at: dying(at)) == -signal.SIGKILL
    case.build(**options).train(case.run(folder, first_in=base))
    return final_state(folder)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("background", [False, True], ids=["", "in the background"])
def test_killed_and_resumed_they_are_the_same_bits(case: Case, base: Path, tmp_path: Path, background: bool) -> None:
    options = {"ema": DECAY, "checkpoint_every_seconds": 1e-6}
    case.build(**options).train(case.run(tmp_path / "unbroken", first_in=base))
    ends = killed_and_resumed(case, base, tmp_path / "killed", **options, save_in_background=background)
    assert ends == final_state(tmp_path / "unbroken")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_averages_that_are_not_saved_would_be_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: where a checkpoint holds the optimisers alone, the end is another."""
    case, options = CASES["lean"], {"ema": DECAY, "checkpoint_every_seconds": 1e-6}
    monkeypatch.setattr(LeanLoop, "states", lambda loop: loop.optimisers)
    case.build(**options).train(case.run(tmp_path / "unbroken"))
    ends, expected = (
        killed_and_resumed(case, tmp_path, tmp_path / "killed", **options),
        final_state(tmp_path / "unbroken"),
    )
    assert {name for name in ends if ends[name] != expected[name]} == {"model/model.safetensors"}


def test_going_back_takes_the_averages_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad step has reached the averages by the time it is seen."""
    case, real, bad = CASES["lean"], LeanLoop.step, 6

    def step(loop: LeanLoop, data: int, rate: float, **named: bool) -> object:
        if data == bad:
            with torch.no_grad():
                next(iter(loop.model.parameters())).fill_(float("nan"))
        return real(loop, data, rate, **named)

    monkeypatch.setattr(LeanLoop, "step", step)
    case.build(ema=DECAY, on_bad_loss="roll_back").train(case.run(tmp_path / "run"))
    assert read_counters(tmp_path / "run" / "checkpoints" / f"step-{STEPS:08d}").skipped == [[bad, 1]]
    left = load_file(tmp_path / "run" / "model" / "model.safetensors")
    assert all(bool(value.isfinite().all()) for value in left.values())


def test_another_decay_is_another_run(tmp_path: Path) -> None:
    case = CASES["lean"]

    def emit(event: Event) -> None:
        if isinstance(event, TrainStep) and event.step == 2:
            run.cancel.set()

    run = case.run(tmp_path, emit)
    with pytest.raises(Cancelled, match="stopped after step 2"):
        case.build().train(run)
    with pytest.raises(UserError, match=r"of another run: ema was None and is 0\.9"):
        case.build(ema=0.9).train(case.run(tmp_path))


def test_a_decay_is_between_0_and_1() -> None:
    for wrong in (0, 1, -0.5, 1.5):
        with pytest.raises(ValidationError, match="ema"):
            LeanOptions(ema=wrong)
    assert LeanOptions().ema is None
    with pytest.raises(ValidationError, match="ema"):
        TransformersOptions.model_validate({"ema": 0.9})
