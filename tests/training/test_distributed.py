"""Several processes train as one: the same losses, one voice, checkpoints that move, and all of them end together."""

from __future__ import annotations

import gc
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from commands import Project, checkpoints, command, output, steps_done
from several_processes import (
    AT_ONCE,
    CLOSE,
    assert_same_training,
    at_step,
    be_killed,
    be_stopped,
    begin,
    find_no_memory,
    losses,
    nothing,
    said,
    start_two,
    two,
    weights,
)
from torch.nn.parallel import DistributedDataParallel

from support.forked import exit_code

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.fixture(scope="module")
def alone(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The training in one process."""
    folder = begin(project, tmp_path_factory.mktemp("alone") / "project")
    assert command(folder, "train") == 0, output(folder)
    return folder


def launch(folder: Path, *launcher: str) -> subprocess.CompletedProcess[str]:
    """`zaoju train` by a launcher, in two processes."""
    return subprocess.run(
        [sys.executable, "-m", *launcher, "-m", "zaoju", "train"],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_torchrun_trains_as_one_process_does(project: Project, alone: Path, tmp_path: Path) -> None:
    folder = begin(project, tmp_path / "project")
    done = launch(folder, "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
    assert done.returncode == 0, done.stderr
    assert_same_training(folder, alone)
    assert done.stdout.count("model: ") == 1 and (folder / "run" / "report.html").exists()
    assert len(re.findall("^train$", done.stderr, re.MULTILINE)) == 1
    assert done.stderr.count("step 3: ") == 2, "a score and a sample"
    assert "Warning" not in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "option", [{"ema": 0.9}, pytest.param({"compile": True}, marks=pytest.mark.slow)], ids=["averages", "compiled"]
)
def test_an_option_of_one_process_is_the_same_of_two(
    project: Project, tmp_path: Path, option: dict[str, object]
) -> None:
    folders = [begin(project, tmp_path / name, **option) for name in ("one", "two")]
    assert command(folders[0], "train") == 0, output(folders[0])
    assert two(folders[1], "train") == [0, 0], said(folders[1])
    assert_same_training(folders[1], folders[0])


def test_a_port_that_another_program_has_is_told(project: Project, tmp_path: Path) -> None:
    folder = begin(project, tmp_path / "project")
    with socket.create_server(("127.0.0.1", 0)) as other:
        main, second = start_two(folder, "train", port=other.getsockname()[1])
        code = exit_code(main)
        os.kill(second, signal.SIGKILL)  # as a launcher does; it would wait for the other program's answer
        exit_code(second)
    assert code == 2
    assert "the 2 processes of this training cannot meet at 127.0.0.1" in said(folder)
    assert "address already in use" in said(folder) and "MASTER_PORT names one" in said(folder)
    assert "Traceback" not in said(folder)


def test_without_the_weight_of_tokens_the_losses_are_others(project: Project, alone: Path, tmp_path: Path) -> None:
    """The negative control of this file: every process weighs the same, whatever it has read."""

    def before(number: int) -> None:
        from zaoju_builtin.trainers import lean_loop

        def forward(module: lean_loop._Loss, ids: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            own = (targets >= 0).sum()
            every = own.clone()
            torch.distributed.all_reduce(every)
            return module.model.loss(ids, targets) * every / (2 * own)

        lean_loop._Loss.forward = forward

    folder = begin(project, tmp_path / "project")
    assert two(folder, "train", before=before) == [0, 0], said(folder)
    assert losses(folder) != pytest.approx(losses(alone), abs=100 * CLOSE)


def test_a_checkpoint_moves_from_one_process_to_two_and_back(project: Project, alone: Path, tmp_path: Path) -> None:
    folder = begin(project, tmp_path / "project")
    stop_early, stop_late = at_step(1, be_stopped, process=0), at_step(3, be_stopped, process=1)
    assert command(folder, "train", before=lambda: stop_early(0)) == 130, output(folder)
    (newest,) = folder.glob("run/checkpoints/*/step-00000002")
    files = sorted(path.name for path in newest.iterdir())

    assert two(folder, "train") == [2, 2]
    assert said(folder).count("error:") == 1 and "processes: 1 then, 2 now" in said(folder)

    assert two(folder, "train", "--inexact", before=stop_late) == [130, 130], said(folder)
    assert said(folder).count("stopped after step 4 of 6") == 1, "all of them, when one is asked to"
    (newest,) = folder.glob("run/checkpoints/*/step-00000004")
    assert sorted(path.name for path in newest.iterdir()) == files

    assert command(folder, "train") == 2 and "processes: 2 then, 1 now" in output(folder)
    assert command(folder, "train", "--inexact") == 0, output(folder)
    assert_same_training(folder, alone)


@pytest.mark.parametrize(
    ("code", "act"),
    [(0, nothing), (130, at_step(3, be_stopped, process=1)), (2, at_step(3, find_no_memory, process=1))],
)
def test_nothing_holds_the_group_that_a_process_leaves(
    project: Project, tmp_path: Path, code: int, act: Callable[[int], None]
) -> None:
    """Where the reducer of a model does, the process may hang: it waits for a thread that waits for the interpreter."""

    def before(number: int) -> None:
        act(number)
        leave = torch.distributed.destroy_process_group

        def leaving() -> None:
            holders = sum(type(thing) is DistributedDataParallel for thing in gc.get_objects())
            print(f"left with {holders} holders")
            leave()

        torch.distributed.destroy_process_group = leaving

    folder = begin(project, tmp_path / "project")
    assert two(folder, "train", before=before) == [code, code], said(folder)
    assert said(folder).count("left with 0 holders") == 2, said(folder)


@pytest.mark.slow
def test_two_processes_go_on_bit_for_bit_with_dropout(project: Project, tmp_path: Path) -> None:
    for name in ("unbroken", "broken"):
        folder = begin(project, tmp_path / name)
        config = yaml.safe_load((folder / "config.yaml").read_text("utf-8"))
        config["model"]["numbers"] = {"resid_pdrop": 0.3}
        (folder / "config.yaml").write_text(yaml.safe_dump(config), "utf-8")
        if name == "broken":
            assert two(folder, "train", before=at_step(2, be_stopped, process=0)) == [130, 130], said(folder)
        assert two(folder, "train") == [0, 0], said(folder)
    first, second = weights(tmp_path / "unbroken"), weights(tmp_path / "broken")
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("process", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_an_error_of_one_process_ends_both_with_one_message(project: Project, tmp_path: Path, process: int) -> None:
    folder, start = begin(project, tmp_path / "project"), time.monotonic()
    assert two(folder, "train", before=at_step(2, find_no_memory, process=process)) == [2, 2], said(folder)
    assert time.monotonic() - start < 2 * AT_ONCE
    assert said(folder).count("error:") == 1 and "no memory is left" in said(folder)
    assert ("in process 1 of 2" in said(folder)) == (process == 1)
    assert "Traceback" not in said(folder)


@pytest.mark.slow
def test_an_error_of_the_main_process_while_others_wait(project: Project, tmp_path: Path) -> None:
    def before(number: int) -> None:
        from zaoju.pipeline.observer import Observer

        Observer.observe = lambda *arguments: find_no_memory()

    folder = begin(project, tmp_path / "project")
    assert two(folder, "train", before=before) == [2, 2], said(folder)
    assert said(folder).count("error: no memory is left") == 1 and "Traceback" not in said(folder)


def test_an_error_of_the_preparation_ends_those_that_wait_for_it(project: Project, tmp_path: Path) -> None:
    def before(number: int) -> None:
        from zaoju.pipeline import pipeline

        pipeline.pack_documents = lambda *arguments, **options: find_no_memory()

    folder = begin(project, tmp_path / "project")
    for stage in folder.glob("run/stages/encode-*"):
        shutil.rmtree(stage)
    assert two(folder, "train", before=before) == [2, 2], said(folder)
    assert said(folder).count("error: no memory is left") == 1 and "Traceback" not in said(folder)


@pytest.mark.parametrize("process", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_the_death_of_one_process_ends_the_other(project: Project, tmp_path: Path, process: int) -> None:
    folder, start = begin(project, tmp_path / "project"), time.monotonic()
    codes = two(folder, "train", before=at_step(3, be_killed, process=process))
    assert time.monotonic() - start < 2 * AT_ONCE
    assert codes[process] == -signal.SIGKILL and codes[1 - process] == 2, said(folder)
    assert said(folder).count("error:") == 1 and f"process {1 - process} of 2" in said(folder)
    assert "Traceback" not in said(folder)
    assert checkpoints(folder)[-1] == f"step-{steps_done(folder):08d}" == "step-00000003"
    if process == 0:
        assert two(folder, "train") == [0, 0], said(folder)


@pytest.mark.slow
def test_a_budget_of_minutes_is_one_number_of_steps(project: Project, tmp_path: Path) -> None:
    """The process with the slower clock would do fewer steps, and the other would wait for ever."""

    def before(number: int) -> None:
        if number == 1:
            from zaoju.training import preflight

            class Slow:
                perf_counter = staticmethod(lambda: 3 * time.perf_counter())

            preflight.time = Slow

    folder = begin(project, tmp_path / "project", steps=None, minutes=0.03)
    assert two(folder, "train", before=before) == [0, 0], said(folder)
    assert f" {len(losses(folder))} steps of " in said(folder)


@pytest.mark.parametrize(
    ("command", "changes", "message"),
    [
        ("evaluate", {}, "only a training can"),
        ("train", {"batch_size": 1}, "a batch of 1 windows cannot be shared by 2 processes"),
        ("train", {"batch_size": -1}, "batch_size"),
    ],
)
def test_what_cannot_be_done_is_refused_once(
    project: Project, tmp_path: Path, command: str, changes: dict[str, object], message: str
) -> None:
    folder = begin(project, tmp_path / "project", **changes)
    assert two(folder, command) == [2, 2], said(folder)
    assert said(folder).count("error:") == 1 and message in said(folder)


def test_a_trainer_of_one_process_is_refused(project: Project, tmp_path: Path) -> None:
    folder = begin(project, tmp_path / "project")
    assert two(folder, "train", "--set", "trainer={name: transformers, steps: 2}") == [2, 2], said(folder)
    assert said(folder).count("error:") == 1 and "trains in one process" in said(folder)


def test_a_run_is_whole_in_two_processes(project: Project, alone: Path, tmp_path: Path) -> None:
    folder = begin(project, tmp_path / "project")
    for stage in folder.glob("run/stages/*"):
        shutil.rmtree(stage)
    assert two(folder, "run") == [0, 0], said(folder)
    assert_same_training(folder, alone)
    assert said(folder).count("model: ") == 1 and (folder / "run" / "model" / "zaoju.json").exists()
    assert two(folder, "run") == [0, 0], said(folder)
    assert "step 3: " not in said(folder), "every stage is done"


def test_an_error_of_the_evaluation_is_told_once(project: Project, tmp_path: Path) -> None:
    def before(number: int) -> None:
        from zaoju.pipeline import evaluation_stage

        evaluation_stage.evaluate_model = lambda *arguments: find_no_memory()

    folder = begin(project, tmp_path / "project")
    assert two(folder, "run", before=before) == [2, 2], said(folder)
    assert said(folder).count("error: no memory is left") == 1 and "Traceback" not in said(folder)


@pytest.mark.slow
def test_accelerate_launch_trains_as_one_process_does(project: Project, alone: Path, tmp_path: Path) -> None:
    folder = begin(project, tmp_path / "project")
    done = launch(folder, "accelerate.commands.launch", "--cpu", "--num_processes", "2", "--mixed_precision", "no")
    assert done.returncode == 0, done.stderr
    assert_same_training(folder, alone)
