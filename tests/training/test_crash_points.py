"""Training dies at every call that changes a file, by SIGKILL or with the power, and goes on to the same bits."""

from __future__ import annotations

import os
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from packed_corpus import hashes, make_run

from support.crash_points import DIED, CrashPoints
from zaoju.training import checkpoint
from zaoju_builtin.trainers.lean import LeanTrainer
from zaoju_builtin.trainers.options import LeanOptions

STEPS = 4
OPTIONS = LeanOptions(
    steps=STEPS, batch_size=2, learning_rate=0.01, evaluate_every=2, checkpoint_every_seconds=1e-6, warmup=0
)
SOME = 23
"""Every so many points are looked at where the time is short."""

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """A forked process has no threads but the one that forked."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def in_child(work: Callable[[], object]) -> int:
    """Do `work` in a copy of this process; its exit code."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:  # noqa: BLE001  # whatever it is: the copy of a test process must not go on
            traceback.print_exc(file=sys.__stderr__)
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def train(folder: Path, die_at: int | None = None, *, power_loss: bool = False, count_to: Path | None = None) -> int:
    """Train in `folder` in a process of its own, which dies at a point if it comes so far; its exit code."""

    def work() -> None:
        run = make_run(folder, tokens=400)
        points = CrashPoints(folder, die_at, power_loss=power_loss)
        points.install()
        LeanTrainer(OPTIONS).train(run)
        if count_to is not None:
            os.write(os.open(count_to, os.O_CREAT | os.O_WRONLY), str(points.seen).encode())

    return in_child(work)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], int, Path]:
    """The final state of a run that nothing disturbs, how many points it passes, and a folder in which to begin."""
    base = tmp_path_factory.mktemp("unbroken")
    begun, folder = base / "begun", base / "run"
    begun.mkdir()
    make_run(begun, tokens=400)
    shutil.copytree(begun, folder)
    assert train(folder, count_to=base / "points") == 0
    return final_state(folder), int((base / "points").read_text()), begun


def final_state(folder: Path) -> dict[str, str]:
    last = hashes(folder / "checkpoints" / f"step-{STEPS:08d}")
    return {**last, **{f"model/{name}": value for name, value in hashes(folder / "model").items()}}


@pytest.mark.parametrize("power_loss", [False, True], ids=["killed", "power lost"])
@pytest.mark.parametrize("every", [SOME, pytest.param(1, marks=pytest.mark.slow)])
def test_every_point_can_be_survived(
    tmp_path: Path, unbroken: tuple[dict[str, str], int, Path], every: int, power_loss: bool
) -> None:
    expected, points, begun = unbroken
    assert points > 60, "few points: are the calls counted?"
    for point in range(1, points + 1, every):
        folder = tmp_path / str(point)
        shutil.copytree(begun, folder)
        assert train(folder, point, power_loss=power_loss) == DIED
        assert train(folder) == 0, f"it does not go on after point {point} of {points}"
        assert final_state(folder) == expected, f"other bits after point {point} of {points}"
        shutil.rmtree(folder)


def test_it_survives_dying_again_and_again(tmp_path: Path, unbroken: tuple[dict[str, str], int, Path]) -> None:
    """Three times in one run, each a little further on."""
    expected, _, begun = unbroken
    folder = tmp_path / "run"
    shutil.copytree(begun, folder)
    for point, power_loss in ((50, False), (45, True), (40, False)):
        assert train(folder, point, power_loss=power_loss) == DIED
    assert train(folder) == 0
    assert final_state(folder) == expected


def test_what_was_not_synchronised_is_lost(tmp_path: Path) -> None:
    """The negative control of the shim: a file without `fsync` is empty afterwards, a name without it is gone."""

    def work() -> None:
        (tmp_path / "kept").write_text("before", encoding="utf-8")
        CrashPoints(tmp_path, 5, power_loss=True).install()
        (tmp_path / "unsynchronised").write_text("x", encoding="utf-8")
        handle = os.open(tmp_path, os.O_RDONLY)
        os.fsync(handle)
        (tmp_path / "nameless").write_text("x", encoding="utf-8")
        (tmp_path / "kept").rename(tmp_path / "renamed")
        os.fsync(handle)

    assert in_child(work) == DIED
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"kept": "before", "unsynchronised": ""}


def test_a_checkpoint_that_is_not_synchronised_is_found_out(
    tmp_path: Path, unbroken: tuple[dict[str, str], int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the test: writers that synchronise nothing lose the run where the power goes late."""
    _, points, begun = unbroken
    monkeypatch.setattr("zaoju.files.sync_tree", lambda folder: None)
    monkeypatch.setattr("zaoju.files._sync_folder", lambda folder: None)
    folder = tmp_path / "run"
    shutil.copytree(begun, folder)
    assert train(folder, points // 2, power_loss=True) == DIED
    checkpoints = checkpoint.Checkpoints(folder / "checkpoints", lambda event: None)
    assert checkpoints.newest() is None
