"""What holds for every builtin trainer: it learns, can be stopped and killed, and leaves a model that loads."""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from packed_corpus import VOCABULARY, hashes
from trainer_cases import CASES, STEPS, Case

from zaoju.contracts import CheckpointSaved, Event, ModelPlan, Notice, TrainingRun, TrainStep
from zaoju.errors import Cancelled, UserError
from zaoju.models import CausalLM, load_model, new_model
from zaoju.tokenization import PackedTokens
from zaoju.training import PackedBatches


def losses(events: list[Event]) -> dict[int, str]:
    return {event.step: event.loss.hex() for event in events if isinstance(event, TrainStep)}


def weights(folder: Path) -> str:
    return hashes(folder / "model")["model.safetensors"]


def train(case: Case, folder: Path, *, stop_after: int | None = None) -> list[Event]:
    """Train in `folder`, cancelled after a step or to the end; the events."""
    events: list[Event] = []

    def emit(event: Event) -> None:
        events.append(event)
        if isinstance(event, TrainStep) and event.step == stop_after:
            run.cancel.set()

    run = case.run(folder, emit)
    if stop_after is None:
        case.build().train(run)
    else:
        with pytest.raises(Cancelled, match=f"stopped after step {stop_after} of {STEPS}"):
            case.build().train(run)
        assert any(isinstance(event, CheckpointSaved) and event.step == stop_after for event in events)
        assert not run.artefact.exists()
    return events


@pytest.fixture(scope="module", params=CASES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def unbroken(name: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[int, str]]:
    """A run that nothing disturbs, for each trainer once."""
    folder = tmp_path_factory.mktemp(name)
    return folder, losses(train(CASES[name], folder))


@torch.no_grad()
def mean_loss(model: CausalLM, train: Path) -> float:
    batches = PackedBatches(PackedTokens.open(train), window=16, batch_size=32, seed=1)
    return float(np.mean([model.eval().loss(*batches.batch(index)).item() for index in range(4)]))


def test_it_learns_and_transformers_loads_the_artefact(name: str, unbroken: tuple[Path, dict[int, str]]) -> None:
    from transformers import AutoModelForCausalLM

    folder, log = unbroken
    assert list(log) == list(range(1, STEPS + 1))
    run = CASES[name].run(folder)
    first, last = new_model(run.model, run.seed), load_model(folder / "model", "cpu")
    assert mean_loss(last, run.train) < mean_loss(first, run.train) - CASES[name].learns
    theirs = AutoModelForCausalLM.from_pretrained(folder / "model").eval()
    ids = torch.arange(12)[None]
    with torch.no_grad():
        difference = (theirs(input_ids=ids).logits - load_model(folder / "model", "cpu")(ids)).abs().max()
    assert difference < 1e-4


@pytest.mark.parametrize("stops", [[1], [4, 9]])
def test_stopped_and_resumed_is_bit_equal(
    name: str, tmp_path: Path, unbroken: tuple[Path, dict[int, str]], stops: list[int]
) -> None:
    log: dict[int, str] = {}
    for stop in stops:
        log |= losses(train(CASES[name], tmp_path, stop_after=stop))
    log |= losses(train(CASES[name], tmp_path))
    assert log == unbroken[1]
    assert weights(tmp_path) == weights(unbroken[0])


def test_killed_and_resumed_is_bit_equal(name: str, tmp_path: Path, unbroken: tuple[Path, dict[int, str]]) -> None:
    """SIGKILL in the middle of a step, in a process of its own."""
    script, threads = Path(__file__).with_name("run_to_kill.py"), torch.get_num_threads()
    for kill_after in (3, 6):
        process = subprocess.Popen(
            [sys.executable, str(script), str(tmp_path), name, str(threads)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                if line.startswith(f"step {kill_after} "):
                    process.kill()
                    break
        assert process.wait() == -9
    log = losses(train(CASES[name], tmp_path))
    assert log == {step: unbroken[1][step] for step in log}
    assert 1 < min(log) <= 7, "the killed process had left a checkpoint"
    assert weights(tmp_path) == weights(unbroken[0])


def test_a_damaged_checkpoint_costs_only_the_steps_after_the_one_before(
    name: str, tmp_path: Path, unbroken: tuple[Path, dict[int, str]]
) -> None:
    case = CASES[name]
    train(case, tmp_path, stop_after=3)
    train(case, tmp_path, stop_after=7)
    (tensors,) = (tmp_path / "checkpoints" / "step-00000007").glob("*model.safetensors")
    tensors.write_bytes(tensors.read_bytes()[:-1])
    events = train(case, tmp_path)
    assert any(isinstance(event, Notice) and "step-00000007 is damaged" in event.message for event in events)
    assert min(losses(events)) == 4
    assert weights(tmp_path) == weights(unbroken[0])


def test_a_finished_training_whose_artefact_is_lost_writes_it_again(
    name: str, tmp_path: Path, unbroken: tuple[Path, dict[int, str]]
) -> None:
    train(CASES[name], tmp_path)
    for path in (tmp_path / "model").iterdir():
        path.unlink()
    (tmp_path / "model").rmdir()
    assert losses(train(CASES[name], tmp_path)) == {}
    assert weights(tmp_path) == weights(unbroken[0])


def test_the_best_model_becomes_the_artefact(name: str, tmp_path: Path) -> None:
    ids = torch.arange(12)[None]
    seen: dict[int, torch.Tensor] = {}

    def observe(step: int, model: CausalLM) -> float:
        model.eval()
        with torch.no_grad():
            seen[step] = model(ids).cpu()
        torch.rand(5)  # an observer may draw numbers; training must not notice
        return {5: 3.0, 10: 2.0, 12: 2.5}[step]

    case = CASES[name]
    case.build().train(replace(case.run(tmp_path), observe=observe))
    with torch.no_grad():
        logits = load_model(tmp_path / "model", "cpu")(ids)
    assert list(seen) == [5, 10, 12]
    assert (logits - seen[10]).abs().max() < 1e-4
    assert (logits - seen[12]).abs().max() > 1e-3


def test_every_step_is_measured(name: str, tmp_path: Path) -> None:
    """The norm of the gradient is the one before clipping, which would hide what it is looked at for."""
    case, norms = CASES[name], list[dict[int, float]]()
    for clip in (1e-4, 1e4):
        events: list[Event] = []
        run = case.run(tmp_path / str(clip), events.append)
        case.build(clip=clip, steps=2).train(run)
        steps = [event for event in events if isinstance(event, TrainStep)]
        assert all(step.peak_memory is not None and step.peak_memory > 2**24 for step in steps)
        assert all(step.flops_utilisation is not None and 0 < step.flops_utilisation < 2 for step in steps)
        norms.append({step.step: step.gradient_norm or 0.0 for step in steps})
    assert norms[0][1] == pytest.approx(norms[1][1], rel=1e-3)
    assert norms[0][1] > 1e-3


def test_the_process_is_as_before(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    torch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)
    case.build().train(case.run(tmp_path))
    drawn = (torch.rand(1).item(), random.random(), np.random.random())
    torch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)
    assert drawn == (torch.rand(1).item(), random.random(), np.random.random())


def test_minutes_fix_the_number_of_steps(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    events: list[Event] = []
    trainer = case.build(steps=None, minutes=0.005)
    run = case.run(tmp_path, events.append)
    steps = trainer.preflight(run).steps
    trainer.train(run)
    assert steps >= 1
    assert max(losses(events)) == steps


def test_another_environment_is_refused_unless_allowed(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    train(case, tmp_path, stop_after=2)
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        with pytest.raises(UserError, match=rf"another environment \(threads: {threads} then, {threads + 1} now\)"):
            case.build().train(case.run(tmp_path))
        case.build().train(replace(case.run(tmp_path), inexact=True))
    finally:
        torch.set_num_threads(threads)


def test_other_options_are_another_run(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    train(case, tmp_path, stop_after=2)
    with pytest.raises(UserError, match=r"of another run: batch_size was 4 and is 2"):
        case.build(batch_size=2).train(case.run(tmp_path))


def test_a_lost_model_is_told(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    with pytest.raises(
        UserError, match=r"the loss is (nan|inf) in step \d+ of 12.*, so .* Set trainer.learning_rate below"
    ):
        case.build(learning_rate=1.0, clip=1e38).train(_lost(case, tmp_path))


def _lost(case: Case, folder: Path) -> TrainingRun:
    """A run from a model whose weights are no numbers."""
    plan = ModelPlan("gpt2", {"n_layer": 1, "n_embd": 16, "n_head": 2, "n_positions": 16}, VOCABULARY, 0)
    model = new_model(plan, seed=1)
    with torch.no_grad():
        next(model.parameters()).fill_(float("nan"))
    folder.mkdir(exist_ok=True)
    model.save(folder / "lost")
    return replace(case.run(folder), model=replace(plan, init_from=folder / "lost"))
