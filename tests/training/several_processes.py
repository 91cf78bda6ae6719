"""Two processes that train together, as `torchrun` would start them, and what is looked at afterwards."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
import yaml
from commands import Project, start_command
from safetensors.torch import load_file

from support.forked import exit_code
from support.small_run import small_config

STEPS = 6
CLOSE = 1e-5
AT_ONCE = 8.0
NUMBERS = {"resid_pdrop": 0.0, "attn_pdrop": 0.0, "embd_pdrop": 0.0}
TRAINER = {
    "name": "lean",
    "steps": STEPS,
    "batch_size": 5,
    "accumulate": 2,
    "windows": "documents",
    "precision": "float32",
    "evaluate_every": 3,
    "checkpoint_every_seconds": 1e-6,
}
"""Ragged rows, and batches that two processes cannot halve."""


def nothing(number: int) -> None:
    """A process as it is."""


def begin(project: Project, folder: Path, **changes: object) -> Path:
    """A project whose corpus is ready."""
    project.copy(folder)
    model = {"size": "nano", "context": 48, "numbers": NUMBERS}
    config = small_config(Path("run"), model=model, trainer={**TRAINER, **changes})
    (folder / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), "utf-8")
    return folder


def start_two(folder: Path, *arguments: str, port: int, before: Callable[[int], None] = nothing) -> list[int]:
    """`zaoju ARGUMENTS` in two processes, as `torchrun` would start them; `before` is done first in each."""

    def prepare(number: int) -> None:
        handle = os.open(f"output-{number}", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(handle, stream)
        launched = {"RANK": number, "LOCAL_RANK": number, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2}
        os.environ.update({name: str(value) for name, value in launched.items()})
        os.environ.update({"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)})
        before(number)

    return [start_command(folder, *arguments, before=lambda number=number: prepare(number)) for number in range(2)]


@contextmanager
def free_port() -> Iterator[int]:
    """A port that no other program gets while the block runs, at which a process can listen that shares it, as a store.

    Another program there would be asked by the second process, without end.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def two(folder: Path, *arguments: str, before: Callable[[int], None] = nothing) -> list[int]:
    """The exit codes of `start_two`."""
    with free_port() as port:
        return [exit_code(child) for child in start_two(folder, *arguments, port=port, before=before)]


def said(folder: Path) -> str:
    """What both have said."""
    return "".join((folder / f"output-{number}").read_text("utf-8") for number in range(2))


def losses(folder: Path) -> list[float]:
    """The loss of every step of the training, finished or not."""
    logs = [*folder.glob("run/stages/train-*/training.jsonl"), *folder.glob("run/checkpoints/*/training.jsonl")]
    records = [json.loads(line) for line in logs[0].read_text("utf-8").splitlines()]
    return [record["loss"] for record in records if record["event"] == "TrainStep"]


def stage_files(folder: Path) -> list[str]:
    """The files that the training has left."""
    (stage,) = folder.glob("run/stages/train-*")
    return sorted(path.relative_to(stage).as_posix() for path in stage.rglob("*"))


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """The trained model."""
    (stage,) = folder.glob("run/stages/train-*")
    return load_file(stage / "model" / "model.safetensors")


def assert_same_training(folder: Path, alone: Path) -> None:
    assert losses(folder) == pytest.approx(losses(alone), abs=CLOSE)
    assert len(losses(folder)) == STEPS
    assert stage_files(folder) == stage_files(alone)
    for name, tensor in weights(alone).items():
        torch.testing.assert_close(weights(folder)[name], tensor, atol=1e-4, rtol=1e-3)


def at_step(wanted: int, act: Callable[[], None], *, process: int) -> Callable[[int], None]:
    """Let one process do something before step `wanted`, counted from 0."""

    def before(number: int) -> None:
        from zaoju_builtin.trainers.lean_loop import LeanLoop

        real = LeanLoop.step

        def step(loop: LeanLoop, count: int, *arguments: object, **options: object) -> object:
            # Steps that are only timed, before the training, are done without a word of new rows.
            if count == wanted and "new_rows_alone" in options:
                act()
            return real(loop, count, *arguments, **options)

        if number == process:
            LeanLoop.step = step

    return before


def be_stopped() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def be_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def find_no_memory() -> None:
    from zaoju.errors import UserError

    raise UserError("no memory is left")
