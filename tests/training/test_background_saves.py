"""Checkpoints that are written while the training goes on: copies of one moment, and a good one at every moment."""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from dying_runs import OPTIONS, begin
from final_state import final_state
from packed_corpus import NUMBERS, VOCABULARY, hashes, make_run
from trainer_cases import CASES, Case

from support.crash_points import DIED, CrashPoints, DiskFaults, dying_child
from support.forked import exit_code, start_child
from zaoju.contracts import CheckpointSaved, Event, ModelPlan, TrainStep
from zaoju.errors import Cancelled, UserError
from zaoju.models import new_model
from zaoju.training import BackgroundSaves, Checkpoints, Counters, save_state, snapshot_state
from zaoju_builtin.trainers.lean_loop import LeanLoop
from zaoju_builtin.trainers.optimisers import choose_optimiser, make_optimisers
from zaoju_builtin.trainers.options import LeanOptions

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def stepped(model: torch.nn.Module, optimisers: list[torch.optim.Optimizer]) -> None:
    """Move every trained weight and every moment."""
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.grad = torch.randn_like(parameter)
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = 0.1
        optimiser.step()


@pytest.mark.parametrize("architecture", ["gpt2", "gpt_neox", "adapters"])
def test_it_is_a_copy_of_the_moment_of_the_call(tmp_path: Path, architecture: str) -> None:
    """Weights, moments, random state and learning rate change before the first byte is written."""
    plans = {
        "gpt2": ModelPlan("gpt2", NUMBERS, VOCABULARY, 0),
        "gpt_neox": ModelPlan(
            "gpt_neox",
            {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2},
            VOCABULARY,
            0,
        ),
    }
    if architecture == "adapters":
        trainer = CASES["lora"].build()
        model = trainer.first_model(CASES["lora"].run(tmp_path / "run"))  # type: ignore[attr-defined]
    else:
        model = new_model(plans[architecture], 1)
    optimisers = make_optimisers(model, choose_optimiser(LeanOptions(), trained_before=True))
    stepped(model, optimisers)
    counters = Counters(1, 9, 100, {"a": 1})
    for name in ("now", "later", "changed"):
        (tmp_path / name).mkdir()
    save_state(tmp_path / "now", model, optimisers, counters)
    write = snapshot_state(model, optimisers, counters)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(1.0)
    stepped(model, optimisers)
    torch.rand(7)
    write(tmp_path / "later")
    save_state(tmp_path / "changed", model, optimisers, counters)
    now, later, changed = (hashes(tmp_path / name) for name in ("now", "later", "changed"))
    # PEFT writes the names of layers, which it keeps in a set, in any order.
    assert {**later, "adapter_config.json": ""} == {**now, "adapter_config.json": ""}
    assert {name for name in now if changed[name] != now[name]} >= {"optimisers.safetensors", "random.safetensors"}


def test_weights_that_stand_still_are_not_copied(tmp_path: Path) -> None:
    trainer = CASES["lora"].build()
    model = trainer.first_model(CASES["lora"].run(tmp_path))  # type: ignore[attr-defined]
    write = snapshot_state(model, [], Counters(0, 1, 0, {}))
    kept = write.__closure__
    assert kept is not None
    [copied] = [cell.cell_contents for cell in kept if isinstance(cell.cell_contents, torch.nn.Module)]
    places = {parameter.data_ptr() for parameter in copied.parameters()}
    for parameter in model.parameters():
        assert (parameter.data_ptr() in places) != parameter.requires_grad


def slow_writer(text: str, wrote: threading.Event, go_on: threading.Event) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "a").write_text(text, encoding="utf-8")
        wrote.set()
        assert go_on.wait(20)

    return write


def test_the_caller_goes_on_and_is_told_when_it_is_durable(tmp_path: Path) -> None:
    events: list[Event] = []
    told_in: list[threading.Thread] = []

    def emit(event: Event) -> None:
        events.append(event)
        told_in.append(threading.current_thread())

    checkpoints = Checkpoints(tmp_path, emit, keep=1)
    checkpoints.save(1, lambda folder: (folder / "a").write_text("old", encoding="utf-8"))
    wrote, go_on = threading.Event(), threading.Event()
    with BackgroundSaves(checkpoints) as saves:
        saves.save(2, slow_writer("new", wrote, go_on))
        assert wrote.wait(20)
        saves.collect()
        assert [path.name for path in tmp_path.glob("step-*")] == ["step-00000001"], "the old one stays until then"
        assert checkpoints.newest() == tmp_path / "step-00000001"
        assert len(events) == 1
        go_on.set()
    assert events[1:] == [CheckpointSaved(2, tmp_path / "step-00000002")]
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000002"]
    assert set(told_in) == {threading.main_thread()}


def test_one_is_written_at_a_time(tmp_path: Path) -> None:
    at_once = threading.Semaphore(1)

    def write(folder: Path) -> None:
        assert at_once.acquire(blocking=False)
        time.sleep(0.02)
        (folder / "a").write_text("x", encoding="utf-8")
        at_once.release()

    with BackgroundSaves(Checkpoints(tmp_path, lambda event: None)) as saves:
        for step in range(4):
            saves.save(step, write)


@pytest.mark.parametrize("when", ["next", "end", "step"])
def test_an_error_comes_out(tmp_path: Path, when: str) -> None:
    def full(folder: Path) -> None:
        raise OSError(28, "No space left on device")

    checkpoints = Checkpoints(tmp_path, lambda event: None)
    with pytest.raises(UserError, match=r"the checkpoint of step 3 cannot be written to .*No space left"):  # noqa: SIM117
        with BackgroundSaves(checkpoints) as saves:
            saves.save(3, full)
            if when == "next":
                saves.save(4, full)
            for _ in range(1000 if when == "step" else 0):
                saves.collect()
                time.sleep(0.01)
            assert when == "end"


def train(case: Case, folder: Path, base: Path, **options: object) -> list[Event]:
    events: list[Event] = []
    run = case.run(folder, events.append, first_in=base)
    case.build(**{**OPTIONS, "save_in_background": True, **options}).train(run)
    return events


def test_the_end_is_that_of_saves_that_are_waited_for(case: Case, tmp_path: Path) -> None:
    """And a run that goes on may be told to save in the other way."""
    for name, background in (("background", True), ("waited", False)):
        events = train(case, tmp_path / name, tmp_path, save_in_background=background)
        assert [event.step for event in events if isinstance(event, CheckpointSaved)] == [0, 1, 2, 3, 4]
    assert final_state(tmp_path / "background") == final_state(tmp_path / "waited")
    assert final_state(tmp_path / "background")

    def emit(event: Event) -> None:
        if isinstance(event, TrainStep) and event.step == 2:
            run.cancel.set()

    run = case.run(tmp_path / "stopped", emit, first_in=tmp_path)
    with pytest.raises(Cancelled):
        case.build(**OPTIONS, save_in_background=True).train(run)
    assert Checkpoints(run.checkpoints, lambda event: None).newest() == run.checkpoints / "step-00000002"
    train(case, tmp_path / "stopped", tmp_path, save_in_background=False)
    assert final_state(tmp_path / "stopped") == final_state(tmp_path / "waited")


def test_steps_are_done_while_it_is_written(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first checkpoint is not on the disk before the second step is done."""
    second, waited = threading.Event(), []
    real = Checkpoints.write

    def write(checkpoints: Checkpoints, number: int, writer: Callable[[Path], None]) -> Path:
        if number == 1 and threading.current_thread() is not threading.main_thread():
            waited.append(second.wait(20))
        return real(checkpoints, number, writer)

    monkeypatch.setattr(Checkpoints, "write", write)

    def emit(event: Event) -> None:
        if isinstance(event, TrainStep) and event.step == 2:
            second.set()

    run = case.run(tmp_path / "run", emit, first_in=tmp_path)
    case.build(**OPTIONS, save_in_background=True).train(run)
    assert waited == [True]


def test_a_shallow_copy_would_be_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: where the live tensors are written, and the training goes on meanwhile, bytes differ."""
    case = CASES["lean"]
    write_late(monkeypatch)
    train(case, tmp_path / "good", tmp_path, steps=2)
    monkeypatch.setattr("zaoju.training.state._copied", lambda model: model)
    train(case, tmp_path / "bad", tmp_path, steps=2)
    weights = [tmp_path / name / "checkpoints" / "step-00000001" / "model.safetensors" for name in ("good", "bad")]
    assert weights[0].read_bytes() != weights[1].read_bytes()


def write_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every write in the background begins when the next step is done."""
    done, real_step, real_write = threading.Semaphore(0), LeanLoop.step, Checkpoints.write

    def step(loop: LeanLoop, *given: object, **named: object) -> object:
        result = real_step(loop, *given, **named)  # type: ignore[arg-type]
        done.release()
        return result

    def write(checkpoints: Checkpoints, number: int, writer: Callable[[Path], None]) -> Path:
        if threading.current_thread() is not threading.main_thread():
            done.acquire(timeout=1)
            time.sleep(0.05)
        return real_write(checkpoints, number, writer)

    monkeypatch.setattr(LeanLoop, "step", step)
    monkeypatch.setattr(Checkpoints, "write", write)


@needs_fork
def test_at_every_moment_a_good_checkpoint_lies_there(tmp_path: Path) -> None:
    """A process watches the folder as long as another one trains in it, and copies what would be gone on from."""
    case = CASES["lean"]
    run = make_run(tmp_path)
    Checkpoints(run.checkpoints, lambda event: None)
    training = start_child(lambda: train(case, tmp_path, tmp_path, steps=40, evaluate_every=100))
    while not list(run.checkpoints.glob("step-*")):
        time.sleep(0.001)
    looks, newest = 0, set()
    while os.waitpid(training, os.WNOHANG)[0] == 0:
        found = valid_checkpoints(run.checkpoints)
        assert found, "no checkpoint could be gone on from"
        newest.add(found[-1])
        looks += 1
    assert looks > 20
    assert len(newest) > 5


def valid_checkpoints(folder: Path) -> list[str]:
    """Those whose files are what their manifest says; one that vanishes while it is looked at does not count, so the
    look is taken again."""
    from zaoju.training.manifest import find_damage

    for _ in range(50):
        found = [path.name for path in sorted(folder.glob("step-*")) if not find_damage(path)]
        if found:
            return found
    return []


@needs_fork
@pytest.mark.parametrize("power_loss", [False, True], ids=["killed", "power lost"])
@pytest.mark.parametrize("points", ["some", pytest.param("every", marks=pytest.mark.slow)])
def test_every_point_can_be_survived(case: Case, tmp_path: Path, points: str, power_loss: bool) -> None:
    """As in test_crash_points.py. Two threads come to the points in any order, so the last may not come."""
    begun = tmp_path / "begun"
    case.run(begun)

    def run_once(folder: Path, die_at: int | None, count_to: Path | None = None) -> int:
        def work() -> None:
            run = case.run(folder, first_in=begun)
            calls = CrashPoints(folder, die_at, power_loss=power_loss)
            calls.install()
            case.build(**OPTIONS, save_in_background=True).train(run)
            if count_to is not None:
                os.write(os.open(count_to, os.O_CREAT | os.O_WRONLY), str(calls.seen).encode())

        return dying_child(work, folder)

    assert run_once(begin(tmp_path / "run", begun), None, tmp_path / "points") == 0
    expected, most = final_state(tmp_path / "run"), int((tmp_path / "points").read_text())
    assert most > 60
    every = 1 if points == "every" else -(-most // 3)
    died = 0
    for point in range(1 + every // 2, most + 1, every):
        folder = begin(tmp_path / str(point), begun)
        code = run_once(folder, point)
        assert code in (0, DIED)
        died += code == DIED
        assert run_once(folder, None) == 0, f"it does not go on after point {point} of {most}"
        assert final_state(folder) == expected, f"other bits after point {point} of {most}"
        shutil.rmtree(folder)
    assert died >= 2


@needs_fork
def test_a_full_disk_ends_the_run(case: Case, tmp_path: Path) -> None:
    """In whichever step the disk becomes full, and with the old checkpoint untouched."""
    case.run(tmp_path / "begun")
    for fail_at in (8, 20):
        folder = begin(tmp_path / str(fail_at), tmp_path / "begun")

        def work(folder: Path = folder, fail_at: int = fail_at) -> None:
            run = case.run(folder, first_in=tmp_path / "begun")
            names = frozenset({"fsync"})
            DiskFaults(folder / "checkpoints", fail_at, 28, names, lasting=True).install()
            try:
                case.build(**OPTIONS, save_in_background=True).train(run)
            except UserError as error:
                assert re.search("the (checkpoint|best model).* cannot be written to .*No space left", str(error))
                os._exit(2)

        assert exit_code(start_child(work)) == 2
        assert valid_checkpoints(folder / "checkpoints")
