"""`zaoju train` in processes of its own, in a project that is ready to train."""

from __future__ import annotations

import json
import os
import shutil
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml
from packed_corpus import hashes

from support.forked import exit_code, start_child
from support.small_run import small_config
from zaoju.cli import main

STEPS = 6
TRAINER = {"name": "lean", "steps": STEPS, "batch_size": 4, "checkpoint_every_seconds": 1e-6, "evaluate_every": 3}


@dataclass(frozen=True)
class Project:
    """A folder with a configuration, whose corpus is ready; and the model that an undisturbed training makes of it."""

    folder: Path
    model: dict[str, str]

    def copy(self, folder: Path) -> Path:
        """The same in another folder, to train in."""
        return shutil.copytree(self.folder, folder)


def new_project(folder: Path) -> Project:
    """Prepare the corpus, and train once."""
    for name in ("begun", "unbroken"):
        (folder / name).mkdir()
        config = small_config(Path("run"), trainer=TRAINER)
        (folder / name / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), "utf-8")
    assert command(folder / "unbroken", "train") == 0, output(folder / "unbroken")
    stages = folder / "begun" / "run" / "stages"
    shutil.copytree(folder / "unbroken" / "run" / "stages", stages)
    (trained,) = stages.glob("train-*")
    model = hashes(trained / "model")
    shutil.rmtree(trained)
    return Project(folder / "begun", model)


def start_command(folder: Path, *arguments: str, before: Callable[[], None] = lambda: None) -> int:
    """Start `zaoju ARGUMENTS` in `folder`, in a copy of this process in which `before` is done first; its number."""

    def work() -> None:
        os.chdir(folder)
        handle = os.open("output", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(handle, stream)
        sys.stdout, sys.stderr = (os.fdopen(stream, "w") for stream in (1, 2))
        before()
        code: object = 0
        try:
            main(list(arguments), prog_name="zaoju")
        except SystemExit as ended:
            code = ended.code
        except BaseException:  # noqa: BLE001  # the interpreter would print it
            traceback.print_exc()
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0)

    return start_child(work)


def command(folder: Path, *arguments: str, before: Callable[[], None] = lambda: None) -> int:
    """`zaoju ARGUMENTS` to its end; the exit code."""
    return exit_code(start_command(folder, *arguments, before=before))


def output(folder: Path) -> str:
    """What the last command in `folder` has said."""
    return (folder / "output").read_text("utf-8")


def checkpoints(folder: Path) -> list[str]:
    """The names of the checkpoints of the training under way."""
    return sorted(path.name for path in folder.glob("run/checkpoints/*/step-*"))


def steps_done(folder: Path) -> int:
    """The last step in the log of the training under way; 0 before the first."""
    steps = [0]
    for log in folder.glob("run/checkpoints/*/training.jsonl"):
        for line in log.read_text("utf-8").splitlines():
            record = json.loads(line) if line.endswith("}") else {"event": "cut short"}
            if record["event"] == "TrainStep":
                steps.append(record["step"])
    return steps[-1]


def trained_model(folder: Path) -> dict[str, str]:
    """The model that `zaoju train` has left."""
    (stage,) = folder.glob("run/stages/train-*")
    return hashes(stage / "model")
