"""Steps where nobody says how large they are: small in short runs, larger in long ones, and kept on resuming."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from packed_corpus import make_run

from zaoju.contracts import CheckpointSaved, Event, TrainingRun
from zaoju.errors import Cancelled
from zaoju.models import CausalLM
from zaoju.planning import windows_of_step
from zaoju.training import Checkpoints, Counters, read_counters
from zaoju_builtin.trainers.lean import LeanTrainer
from zaoju_builtin.trainers.options import LeanOptions


def test_it_grows_with_the_root_of_the_tokens() -> None:
    sizes = [windows_of_step(tokens, 128) for tokens in (1e3, 130e3, 520e3, 2.1e6, 8.4e6, 1e12)]
    assert sizes == [1, 8, 16, 32, 64, 64]
    assert windows_of_step(8.4e6, 1024) == 8


def counters_of(run: TrainingRun) -> Counters:
    """Those of its newest checkpoint."""
    found = Checkpoints(run.checkpoints, run.emit).newest()
    assert found is not None
    return read_counters(found)


def batch_of(folder: Path, options: LeanOptions) -> object:
    """What a run with these options takes."""
    run = make_run(folder)
    LeanTrainer(options).train(run)
    return counters_of(run).identity["batch_size"]


def test_given_steps_are_always_as_large(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert batch_of(tmp_path / "a", LeanOptions(steps=2)) == 16
    (tmp_path / "b").mkdir()
    assert batch_of(tmp_path / "b", LeanOptions(steps=2, accumulate=4)) == 4


def test_epochs(tmp_path: Path) -> None:
    """A corpus of some thousand tokens in windows of 16."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    short, long = (batch_of(tmp_path / name, LeanOptions(epochs=epochs)) for name, epochs in (("a", 0.2), ("b", 3)))
    assert isinstance(short, int) and isinstance(long, int)
    assert short < long


@pytest.mark.parametrize(("seconds", "looks"), [(0.0, 6), (0.4, 1)])
def test_looks_that_take_long_are_few(tmp_path: Path, seconds: float, looks: int) -> None:
    looked_at: list[int] = []

    def observe(step: int, model: CausalLM) -> float:
        looked_at.append(step)
        time.sleep(seconds)
        return 100.0 - step

    run = make_run(tmp_path, observe=observe)
    LeanTrainer(LeanOptions(minutes=0.1)).train(run)
    counters = counters_of(run)
    assert counters.looks == looks
    assert counters.step == counters.steps
    assert looked_at[0] == 0, "what a model knows untrained"
    assert len(looked_at) == 1 + looks
    assert looked_at[-1] == counters.steps


@pytest.mark.parametrize("budget", [{"minutes": 0.05}, {"epochs": 1.0}])
def test_a_stopped_run_keeps_its_size(tmp_path: Path, budget: dict[str, float]) -> None:
    options = LeanOptions(**budget, checkpoint_every_seconds=1e-6)  # type: ignore[arg-type]  # pydantic checks them
    events: list[Event] = []

    def emit(event: Event) -> None:
        events.append(event)
        if isinstance(event, CheckpointSaved) and event.step == 1:
            run.cancel.set()

    run = make_run(tmp_path, emit=emit)
    with pytest.raises(Cancelled):
        LeanTrainer(options).train(run)
    before = counters_of(run)
    run = make_run(tmp_path, emit=events.append)
    LeanTrainer(options).train(run)
    after = counters_of(run)
    assert (after.identity, after.steps, after.looks) == (before.identity, before.steps, before.looks)
    assert after.step == after.steps
