"""A disk that is full, fails, or may not be written: told with path and step, nothing lost, and the run goes on.

Some of the places where a disk may fail here; every one by `pytest -m slow tests/training/test_disk_faults.py`.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

import pytest
from commands import Project, command, output, trained_model
from dying_runs import OPTIONS, Undisturbed, begin, train
from final_state import final_state
from packed_corpus import hashes
from trainer_cases import CASES

from support.crash_points import DiskFaults
from support.forked import in_child
from zaoju.contracts import CheckpointSaved, Event, EventSink
from zaoju.errors import UserError
from zaoju.training import Checkpoints

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits, mounts and capabilities are those of Linux")

TOLD, UNAVAILABLE = 42, 43
"""Exit codes of processes: the error was what it should be; the system does not allow the test."""

_ALL = frozenset({"open", "rename", "replace", "mkdir", "unlink", "rmdir"})
FAULTS = {
    # A full disk lets one remove and rename.
    "full": (errno.ENOSPC, frozenset({"open", "mkdir", "fsync"}), True),
    "not permitted": (errno.EACCES, _ALL, True),
    "read-only": (errno.EROFS, _ALL, True),
    "broken once": (errno.EIO, _ALL | {"fsync"}, False),
}
SOME = {"lean": 2, "lora": 1, "transformers": 1}
"""How many places are looked at where the time is short."""

BETWEEN_WEIGHTS_AND_MOMENTS = 1_200_000
"""Bytes: of the small model of `project`."""


def train_on_a_bad_disk(name: str, folder: Path, begun: Path, fault: str, fail_at: int | None) -> tuple[int, int]:
    """Train in a process of its own; its exit code, and how many calls could have failed."""
    number, names, lasting = FAULTS[fault]

    def work() -> None:
        saved: list[int] = [-1]

        def emit(event: Event) -> None:
            if isinstance(event, CheckpointSaved):
                saved.append(event.step)

        run = CASES[name].run(folder, emit, first_in=begun)
        faults = DiskFaults(folder, fail_at, number, names, lasting=lasting)
        faults.install()
        code = 0
        try:
            CASES[name].build(**OPTIONS).train(run)
        except UserError as error:
            code = _told(error, folder, os.strerror(number))
            newest = Checkpoints(run.checkpoints, lambda event: None).newest()
            found = -1 if newest is None else int(newest.name.removeprefix("step-"))
            assert found >= saved[-1], f"the checkpoint of step {saved[-1]} was there, and now it is {newest}"
        os.write(os.open(counted, os.O_CREAT | os.O_WRONLY), str(faults.seen).encode())
        os._exit(code)

    counted = folder.with_suffix(".calls")
    return in_child(work), int(counted.read_text()) if counted.exists() else 0


def _told(error: UserError, folder: Path, reason: str) -> int:
    message = str(error)
    assert str(folder) in message and reason in message, message
    assert "step" in message or "a checkpoint cannot be written" in message, message
    assert "run again to go on" in message, message
    return TOLD


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("places", ["some", pytest.param("every", marks=pytest.mark.slow)])
def test_wherever_the_disk_fails_it_is_told_and_nothing_is_lost(
    trainer_name: str,
    tmp_path: Path,
    undisturbed: Undisturbed,
    fault: str,
    places: str,
) -> None:
    code, calls = train_on_a_bad_disk(
        trainer_name, begin(tmp_path / "counted", undisturbed.begun), undisturbed.begun, fault, None
    )
    assert code == 0 and calls > 20, "few calls: are they counted?"
    every = 1 if places == "every" else -(-calls // SOME[trainer_name])
    codes = []
    for place in range(1 + every // 2, calls + 1, every):
        folder = begin(tmp_path / str(place), undisturbed.begun)
        code, _ = train_on_a_bad_disk(trainer_name, folder, undisturbed.begun, fault, place)
        # Where the call only tidies up, or its failure is made good, nothing has to be said.
        assert code in (TOLD, 0), f"place {place} of {calls}"
        codes.append(code)
        assert train(trainer_name, folder, undisturbed.begun) == 0, f"it does not go on after place {place} of {calls}"
        assert final_state(folder) == undisturbed.state, f"other bits after place {place} of {calls}"
        shutil.rmtree(folder)
    assert TOLD in codes or (places == "some" and not FAULTS[fault][2]), "something that lasts is always told"


def no_files_larger_than(size: int) -> None:
    """What a disk that becomes full does, without one: writes beyond `size` fail, in Python and in libraries."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def test_libraries_that_cannot_write_are_understood(
    trainer_name: str,
    tmp_path: Path,
    undisturbed: Undisturbed,
) -> None:
    """safetensors and torch write by themselves, and have errors of their own."""
    folder = begin(tmp_path / "run", undisturbed.begun)
    last = max((undisturbed.folder / "checkpoints").glob("step-*"))
    sizes = sorted({path.stat().st_size for path in last.iterdir()})

    def work(size: int) -> int:
        run = CASES[trainer_name].run(folder, first_in=undisturbed.begun)
        no_files_larger_than(size)
        try:
            CASES[trainer_name].build(**OPTIONS).train(run)
        except UserError as error:
            where = str(folder) in str(error) and "step" in str(error)
            # transformers begins with a model from a folder, which is a temporary one.
            assert where or f"the first model, on its way to transformers, cannot be written to {gettempdir()}" in str(
                error
            )
            os._exit(TOLD)
        raise AssertionError("everything could be written")

    for largest in sizes[-4:]:
        assert in_child(lambda largest=largest: work(largest - 1)) == TOLD, f"files of {largest} bytes are too large"
    assert train(trainer_name, folder, undisturbed.begun) == 0
    assert final_state(folder) == undisturbed.state


@contextmanager
def own_disk(folder: Path, size: str) -> Iterator[Callable[[str], None]]:
    """A small disk in `folder`, for this process alone; gives what mounts it again with other options.

    Ends the process with `UNAVAILABLE` where the system does not allow it. For a process of its own: the disk is gone
    with it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    new_mounts, new_users = 0x00020000, 0x10000000
    user, group = os.getuid(), os.getgid()
    if libc.unshare(new_mounts if user == 0 else new_mounts | new_users):
        os._exit(UNAVAILABLE)
    if user != 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")

    def mount(*arguments: str) -> int:
        return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode

    if mount("--make-rprivate", "/") or mount("-t", "tmpfs", "-o", f"size={size}", "zaoju", str(folder)):
        os._exit(UNAVAILABLE)

    def again(options: str) -> None:
        assert mount("-o", f"remount,{options}", str(folder)) == 0

    yield again


@pytest.mark.parametrize("trouble", ["full", "read-only"])
def test_a_real_disk_that_is_full_or_read_only(
    trainer_name: str,
    tmp_path: Path,
    undisturbed: Undisturbed,
    trouble: str,
) -> None:
    (tmp_path / "disk").mkdir()

    def work() -> None:
        with own_disk(tmp_path / "disk", "100m") as mount_again:
            folder = begin(tmp_path / "disk" / "run", undisturbed.begun)
            ballast = tmp_path / "disk" / "ballast"

            def emit(event: Event) -> None:
                if not isinstance(event, CheckpointSaved) or event.step != 2:
                    return
                if trouble == "read-only":
                    mount_again("ro")
                else:
                    free = shutil.disk_usage(folder).free
                    ballast.write_bytes(bytes(free - 100_000))

            run = CASES[trainer_name].run(folder, emit, first_in=undisturbed.begun)
            reason = {"full": "No space left|write", "read-only": "Read-only file system"}[trouble]
            with pytest.raises(UserError, match=rf"step [34]\b.*{folder}.*({reason})|{folder}.*({reason}).*step [34]"):
                CASES[trainer_name].build(**OPTIONS).train(run)
            newest = Checkpoints(run.checkpoints, lambda event: None).newest()
            assert newest is not None and newest.name >= "step-00000002"
            if trouble == "read-only":
                mount_again("rw")
            else:
                ballast.unlink()
            CASES[trainer_name].build(**OPTIONS).train(CASES[trainer_name].run(folder, first_in=undisturbed.begun))
            assert final_state(folder) == undisturbed.state

    code = in_child(work)
    if code == UNAVAILABLE:
        pytest.skip("this process may not mount a disk of its own")
    assert code == 0


def drop_privileges() -> None:
    """The superuser may write everywhere, and others may not; from here on permissions count for both."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
    nothing = (ctypes.c_uint32 * 6)()
    if libc.capset(header, nothing):
        os._exit(UNAVAILABLE)


def forbid_writing(folder: Path) -> None:
    for path in (folder, *folder.glob("*/")):
        path.chmod(0o555)


def permit_writing(folder: Path) -> None:
    for path in (folder, *folder.glob("*/")):
        path.chmod(0o755)


def test_the_command_says_what_is_wrong_and_goes_on_when_it_is_mended(project: Project, tmp_path: Path) -> None:
    """A file that cannot be written, then a folder without permission: exit code 2, no traceback, then the same end."""
    folder = project.copy(tmp_path / "project")
    # The weights fit, and the moments of the optimiser, twice as large, do not.
    assert command(folder, "train", before=lambda: no_files_larger_than(BETWEEN_WEIGHTS_AND_MOMENTS)) == 2
    (home,) = {path.parent for path in folder.glob("run/checkpoints/*/step-*")}
    assert "Traceback" not in output(folder)
    assert f"error: the checkpoint of step 1 cannot be written to {home}" in output(folder)
    before = {path.name: hashes(path) for path in home.glob("step-*")}
    assert list(before) == ["step-00000000"]

    forbid_writing(home)
    code = command(folder, "train", before=drop_privileges)
    permit_writing(home)
    if code == UNAVAILABLE:
        pytest.skip("this process cannot give up its privileges")
    assert code == 2, output(folder)
    assert "Traceback" not in output(folder)
    assert f"error: the checkpoint of step 1 cannot be written to {home}" in output(folder)
    assert "Permission denied" in output(folder)
    assert {path.name: hashes(path) for path in home.glob("step-*")} == before

    assert command(folder, "train") == 0
    assert "going on from the checkpoint of step 0 of 6" in output(folder)
    assert trained_model(folder) == project.model


def test_a_log_that_cannot_be_written_is_told_with_its_step(project: Project, tmp_path: Path) -> None:
    folder = project.copy(tmp_path / "project")

    def before() -> None:
        from zaoju.pipeline.training_log import TrainingLog

        real = TrainingLog.telling

        def telling(log: TrainingLog, emit: EventSink) -> EventSink:
            faults = DiskFaults(log._path, 3, errno.EIO, frozenset({"open"}), lasting=True)
            faults.install()
            return real(log, emit)

        TrainingLog.telling = telling

    assert command(folder, "train", before=before) == 2
    assert "Traceback" not in output(folder)
    assert "error: the training's log cannot be written to" in output(folder)
    assert "after step 1: Input/output error" in output(folder)
    assert command(folder, "train") == 0
    assert trained_model(folder) == project.model
