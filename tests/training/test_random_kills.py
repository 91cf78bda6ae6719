"""SIGKILL at random moments: the end is the same to the last bit, whatever was killed and however often.

Ten kills here; hundreds by `pytest -m slow tests/training/test_random_kills.py`, which also kills `zaoju train`.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
import yaml
from final_state import final_state
from losses_on_disk import noted_losses, noting_losses
from trainer_cases import CASES, STEPS

from support.forked import exit_code, start_child
from support.small_run import small_config
from zaoju.contracts import Event, TrainStep
from zaoju.errors import Cancelled

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

MOST_KILLS = 3
"""Of one run, before it may come to its end."""

FEW = {"lean": 4, "lora": 3, "transformers": 3}
MANY = 200
OF_COMMAND = 12


@dataclass
class Unbroken:
    """A run that nothing disturbs, and how long its process takes."""

    base: Path
    state: dict[str, str]
    losses: dict[int, set[str]]
    seconds: float
    kills: int = field(default=0, init=False)
    kills_in_saves: int = field(default=0, init=False)


def start(name: str, folder: Path, base: Path) -> int:
    """A process that trains in `folder`, or goes on there, and makes a checkpoint after every step."""

    def work() -> None:
        case = CASES[name]
        run = case.run(folder, noting_losses(folder / "losses"), first_in=base)
        case.build(checkpoint_every_seconds=1e-6).train(run)

    folder.mkdir(exist_ok=True)
    return start_child(work)


@pytest.fixture(scope="module")
def unbroken(trainer_name: str, tmp_path_factory: pytest.TempPathFactory) -> Unbroken:
    base = tmp_path_factory.mktemp(trainer_name)
    CASES[trainer_name].run(base / "run", first_in=base)
    begin = time.monotonic()
    assert exit_code(start(trainer_name, base / "run", base)) == 0
    seconds = time.monotonic() - begin
    losses = noted_losses(base / "run" / "losses")
    assert list(losses) == list(range(1, STEPS + 1))
    return Unbroken(base, final_state(base / "run"), losses, seconds)


def kill_at_random(child: int, folder: Path, seconds: float, rng: random.Random) -> tuple[bool, bool]:
    """Kill a training process at some moment of its life, or of a save; whether it was killed, and in a save."""
    moment = time.monotonic() + rng.uniform(0, seconds)
    in_a_save = rng.random() < 0.5
    while time.monotonic() < moment or (in_a_save and not any(folder.glob("checkpoints/.*/*"))):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            assert status == 0, "it ended by itself, and not well"
            return False, False
        time.sleep(0.0002)
    if in_a_save:
        time.sleep(rng.uniform(0, 0.02))
    os.kill(child, signal.SIGKILL)
    code = exit_code(child)
    assert code in (0, -signal.SIGKILL)
    killed = code != 0
    return killed, killed and any(folder.glob("checkpoints/.*"))


def survive(name: str, folder: Path, unbroken: Unbroken, rng: random.Random, most: int) -> None:
    """One run that is killed up to `most` times; it must end as the unbroken one."""
    CASES[name].run(folder, first_in=unbroken.base)  # the data, which is there before a training begins
    for _ in range(rng.randint(1, most)):
        killed, in_a_save = kill_at_random(start(name, folder, unbroken.base), folder, unbroken.seconds, rng)
        unbroken.kills += killed
        unbroken.kills_in_saves += in_a_save
        if not killed:
            break
    assert exit_code(start(name, folder, unbroken.base)) == 0, "it does not go on"
    assert noted_losses(folder / "losses") == unbroken.losses
    assert final_state(folder) == unbroken.state


@pytest.mark.parametrize("kills", ["few", pytest.param("many", marks=pytest.mark.slow)])
def test_killed_at_random_moments_it_ends_the_same(
    trainer_name: str, unbroken: Unbroken, tmp_path: Path, kills: str
) -> None:
    rng = random.Random(f"{trainer_name} {kills}")
    wanted = FEW[trainer_name] if kills == "few" else MANY
    unbroken.kills = unbroken.kills_in_saves = 0
    for number in range(10 * wanted):
        survive(trainer_name, tmp_path / str(number), unbroken, rng, min(MOST_KILLS, wanted - unbroken.kills))
        shutil.rmtree(tmp_path / str(number))
        if unbroken.kills >= wanted:
            break
    assert unbroken.kills == wanted
    if kills == "many":
        assert unbroken.kills_in_saves >= wanted // 10


def forget_random_state(patch: pytest.MonkeyPatch, step: int) -> None:
    patch.setattr("zaoju.training.state._set_random_states", lambda states: None)
    patch.setattr("transformers.Trainer._load_rng_state", lambda self, checkpoint: None)


def forget_optimiser(patch: pytest.MonkeyPatch, step: int) -> None:
    patch.setattr(torch.optim.Optimizer, "load_state_dict", lambda self, state: None)


def forget_place_in_data(patch: pytest.MonkeyPatch, step: int) -> None:
    """The loader begins with the first batch again, as that of many trainers does."""
    from zaoju.training.order import windows_of_batch

    done = 2 * step  # two passes a step
    patch.setattr(
        "zaoju.training.batches.windows_of_batch", lambda index, *others: windows_of_batch(index - done, *others)
    )


@pytest.mark.parametrize("forget", [None, forget_random_state, forget_optimiser, forget_place_in_data])
def test_what_is_forgotten_when_it_goes_on_is_noticed(
    trainer_name: str,
    unbroken: Unbroken,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    forget: Callable[[pytest.MonkeyPatch, int], None] | None,
) -> None:
    """The negative controls of all that compares ends: without its random state, moments or place it is another run."""
    case, stop = CASES[trainer_name], 4
    note = noting_losses(tmp_path / "losses")

    def emit(event: Event) -> None:
        note(event)
        if isinstance(event, TrainStep) and event.step == stop:
            run.cancel.set()

    run = case.run(tmp_path, emit, first_in=unbroken.base)
    with pytest.raises(Cancelled):
        case.build().train(run)
    if forget is not None:
        forget(monkeypatch, stop)
    case.build().train(case.run(tmp_path, note, first_in=unbroken.base))
    ends = final_state(tmp_path)
    different = {key for key in unbroken.state if "safetensors" in key and ends[key] != unbroken.state[key]}
    if forget is None:
        assert not different
        assert noted_losses(tmp_path / "losses") == unbroken.losses
    else:
        assert len(different) >= 2, "the last checkpoint and the model have the same weights all the same"
        assert noted_losses(tmp_path / "losses") != unbroken.losses


@pytest.mark.slow
def test_the_command_killed_at_random_moments_ends_the_same(tmp_path: Path) -> None:
    """`zaoju train` as a whole, from its start to the model in its folder."""
    trainer = {"name": "lean", "steps": 150, "batch_size": 4, "checkpoint_every_seconds": 0.05, "evaluate_every": 30}

    def started(name: str) -> subprocess.Popen[bytes]:
        folder = tmp_path / name
        if not folder.exists():
            folder.mkdir()
            config = small_config(folder / "run", trainer=trainer, model__numbers={"resid_pdrop": 0.1})
            (folder / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), "utf-8")
        with (folder / "output").open("ab") as output:
            command = [sys.executable, "-m", "zaoju", "train", "--threads", "1"]
            return subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)

    begin = time.monotonic()
    assert started("unbroken").wait() == 0
    seconds = time.monotonic() - begin
    expected = trained(tmp_path / "unbroken")
    rng, kills, number = random.Random(1), 0, 0
    while kills < OF_COMMAND:
        number += 1
        for _ in range(rng.randint(1, MOST_KILLS)):
            process = started(f"run {number}")
            time.sleep(rng.uniform(0, seconds))
            process.kill()
            kills += process.wait() == -signal.SIGKILL
        assert started(f"run {number}").wait() == 0, (tmp_path / f"run {number}" / "output").read_text("utf-8")
        assert trained(tmp_path / f"run {number}") == expected


def trained(folder: Path) -> tuple[dict[str, str], dict[int, set[str]]]:
    """The model that `zaoju train` has left, and the losses in its log; steps done again must agree."""
    from packed_corpus import hashes

    (stage,) = (folder / "run" / "stages").glob("train-*")
    losses: dict[int, set[str]] = {}
    for line in (stage / "training.jsonl").read_text("utf-8").splitlines():
        try:
            record = json.loads(line)
        except ValueError:  # cut short by a kill
            continue
        if record["event"] == "TrainStep":
            losses.setdefault(record["step"], set()).add(float(record["loss"]).hex())
    return hashes(stage / "model"), losses
