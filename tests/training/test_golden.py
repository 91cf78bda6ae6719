"""Checkpoints that earlier versions of zaoju have left still load and go on: tests/training/golden has one of each."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from final_state import final_state
from golden import make
from golden.make import OPTIONS, PLAN, STEPS, STOP
from packed_corpus import make_run

import zaoju
from zaoju.contracts import Event, Notice, TrainStep
from zaoju.errors import UserError
from zaoju.training import load_model_state, load_state
from zaoju_builtin.trainers.lean import LeanTrainer
from zaoju_builtin.trainers.optimisers import make_optimisers

GOLDEN = Path(__file__).with_name("golden")
VERSIONS = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir() and (path / "expected.json").exists())
ANOTHER_PROCESSOR = 1e-4
"""Nats by which the losses may differ on another processor. Without the optimiser it is 600 times more."""


def went_on(version: str, folder: Path) -> dict[int, float]:
    """Go on from the golden checkpoint in `folder`; the losses."""
    shutil.copytree(GOLDEN / version, folder)
    events: list[Event] = []
    run = replace(make_run(folder, emit=events.append, model=PLAN), inexact=True)
    LeanTrainer(OPTIONS).train(run)
    assert any(isinstance(event, Notice) and f"step {STOP} of {STEPS}" in event.message for event in events)
    assert not any(isinstance(event, Notice) and "damaged" in event.message for event in events)
    assert any(key.startswith(f"step-{STEPS:08d}") for key in final_state(folder))
    return {event.step: event.loss for event in events if isinstance(event, TrainStep)}


def expected(version: str) -> dict[int, float]:
    losses = json.loads((GOLDEN / version / "expected.json").read_text("utf-8"))["losses"]
    return {int(step): loss for step, loss in losses.items()}


def test_this_version_has_one() -> None:
    assert zaoju.__version__ in VERSIONS, "run tests/training/golden/make.py and commit what it makes"
    size = sum(path.stat().st_size for path in GOLDEN.rglob("*") if path.is_file() and path.suffix != ".pyc")
    assert size < 300_000 * len(VERSIONS)


@pytest.mark.parametrize("version", VERSIONS)
def test_it_goes_on_with_the_losses_that_it_had(version: str, tmp_path: Path) -> None:
    assert went_on(version, tmp_path / "run") == pytest.approx(expected(version), abs=ANOTHER_PROCESSOR)


@pytest.mark.parametrize("version", VERSIONS)
def test_without_its_optimiser_the_losses_would_be_others(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: the tolerance is for another processor and not for a part that is lost."""
    monkeypatch.setattr(torch.optim.Optimizer, "load_state_dict", lambda self, state: None)
    losses, had = went_on(version, tmp_path / "run"), expected(version)
    assert max(abs(losses[step] - had[step]) for step in had) > 100 * ANOTHER_PROCESSOR


@pytest.mark.parametrize("version", VERSIONS)
def test_its_random_state_is_read(version: str) -> None:
    checkpoint = GOLDEN / version / "checkpoints" / f"step-{STOP:08d}"
    drawn = json.loads((GOLDEN / version / "expected.json").read_text("utf-8"))["drawn"]
    with torch.random.fork_rng(devices=[]):
        model = load_model_state(checkpoint, "cpu")
        load_state(checkpoint, model, make_optimisers(model, OPTIONS))
        assert torch.rand(4).tolist() == drawn


@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_refused_as_one_of_another_machine(version: str, tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / version, tmp_path / "run")
    with pytest.raises(UserError, match=r"another environment \(.*of the golden checkpoint then"):
        LeanTrainer(OPTIONS).train(make_run(tmp_path / "run", model=PLAN))


def test_the_script_makes_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The script still works, for the next version."""
    monkeypatch.setattr(make, "HOME", tmp_path)
    make.main()
    kept, made = GOLDEN / zaoju.__version__, tmp_path / zaoju.__version__
    files = {path.relative_to(made) for path in made.rglob("*") if path.is_file()}
    assert files == {path.relative_to(kept) for path in kept.rglob("*") if path.is_file()}
