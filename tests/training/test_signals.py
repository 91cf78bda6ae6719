"""Ctrl-C, SIGTERM, SIGKILL and a second process: nothing is lost, and it is quick."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import STEPS, Project, checkpoints, command, output, start_command, steps_done, trained_model

from support.forked import exit_code
from zaoju.errors import UserError
from zaoju.pipeline.lock import alone_in

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

STEP_SECONDS, SAVE_SECONDS = 1.0, 60.0
AT_ONCE = 1.0
"""Seconds in which a lock is refused."""

SOON = 10.0
"""Seconds for what takes far less than one, where all cores are busy with other things."""


def slow_steps() -> None:
    """Every step of the training but the first takes long; those that are timed before it do not."""
    from zaoju_builtin.trainers.lean_loop import LeanLoop

    real = LeanLoop.step

    def step(loop: LeanLoop, number: int, *arguments: object, **options: object) -> object:
        # Those that are timed are done without a word of new rows.
        if number > 0 and "new_rows_alone" in options:
            time.sleep(STEP_SECONDS)
        return real(loop, number, *arguments, **options)

    LeanLoop.step = step


def slow_saves() -> None:
    """Every checkpoint but the first takes very long."""
    from zaoju.training import checkpoint

    real = checkpoint.write_manifest

    def write_manifest(folder: Path) -> None:
        if "step-00000000" not in folder.name:
            time.sleep(SAVE_SECONDS)
        real(folder)

    checkpoint.write_manifest = write_manifest


def wait_until(there: Callable[[], bool], child: int) -> None:
    """Until something is there; the process must still be at work then."""
    for _ in range(6000):
        if there():
            return
        assert os.waitpid(child, os.WNOHANG) == (0, 0), "it ended too early"
        time.sleep(0.01)
    raise AssertionError("it never came so far")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_ends_within_a_step_and_a_save(
    project: Project, tmp_path: Path, number: signal.Signals
) -> None:
    folder = project.copy(tmp_path / "project")
    child = start_command(folder, "train", before=slow_steps)
    wait_until(lambda: steps_done(folder) >= 2, child)
    begin = time.monotonic()
    os.kill(child, number)
    done = steps_done(folder)
    assert exit_code(child) == 130, output(folder)
    assert time.monotonic() - begin < STEP_SECONDS + SOON
    assert steps_done(folder) <= done + 1 < STEPS
    assert checkpoints(folder)[-1] == f"step-{steps_done(folder):08d}"
    assert "stopping: saving what there is" in output(folder)
    assert f"stopped after step {steps_done(folder)} of {STEPS}, with a checkpoint" in output(folder)
    assert "Traceback" not in output(folder)
    assert command(folder, "train") == 0
    assert trained_model(folder) == project.model


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_ends_it_at_once(project: Project, tmp_path: Path, number: signal.Signals) -> None:
    folder = project.copy(tmp_path / "project")
    child = start_command(folder, "train", before=slow_saves)
    wait_until(lambda: any(folder.glob("run/checkpoints/*/.step-00000001.partial/*")), child)
    os.kill(child, number)
    wait_until(lambda: "stopping" in output(folder), child)
    begin = time.monotonic()
    os.kill(child, number)
    assert exit_code(child) == 130, output(folder)
    assert time.monotonic() - begin < SOON
    assert "Traceback" not in output(folder)
    assert "interrupted: what was finished before is kept" in output(folder)
    assert checkpoints(folder) == ["step-00000000"]
    assert command(folder, "train") == 0
    assert trained_model(folder) == project.model


def test_a_second_process_is_refused_and_the_lock_of_a_dead_one_is_free(project: Project, tmp_path: Path) -> None:
    folder = project.copy(tmp_path / "project")
    child = start_command(folder, "train", before=slow_steps)
    wait_until(lambda: steps_done(folder) >= 1, child)
    begin = time.monotonic()
    with pytest.raises(UserError, match="another zaoju is at work"), alone_in(folder / "run"):
        pass
    assert time.monotonic() - begin < AT_ONCE

    second = tmp_path / "second"
    second.mkdir()
    (second / "config.yaml").write_text((folder / "config.yaml").read_text("utf-8"), "utf-8")
    (second / "run").symlink_to(folder / "run", target_is_directory=True)
    begin = time.monotonic()
    assert command(second, "train") == 2
    seconds = time.monotonic() - begin
    assert "error: another zaoju is at work in" in output(second) and "Traceback" not in output(second)
    assert seconds < SOON, "all of the command, which looks at the finished stages first"

    os.kill(child, signal.SIGKILL)
    assert exit_code(child) == -signal.SIGKILL
    assert (folder / "run" / ".lock").exists()
    assert command(folder, "train") == 0
    assert trained_model(folder) == project.model
