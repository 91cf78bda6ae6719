"""Two at work in one run folder do not destroy each other's results."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import zaoju
from support.small_run import small_config
from zaoju.contracts import Progress, StageStarted

HOLD = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Path]:
    """A run folder that another process is at work in."""
    run = tmp_path / "run"
    run.mkdir()
    command = [sys.executable, "-c", HOLD, str(run / ".lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield run
        process.kill()


def test_a_second_process_is_told_at_once_and_changes_nothing(held: Path) -> None:
    partial = held / "stages" / ".prepare-0123.partial"
    partial.mkdir(parents=True)
    config = small_config(held)
    with pytest.raises(zaoju.UserError, match=r"another zaoju is at work in .*run"):
        zaoju.prepare(config)
    with pytest.raises(zaoju.UserError, match="another zaoju is at work"):
        zaoju.clean(config)
    assert [path.name for path in (held / "stages").iterdir()] == [partial.name]


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    code = HOLD.replace("import sys", "import os, sys").replace("sys.stdin.read()", "os._exit(9)")
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path / "run" / ".lock")], check=False)
    assert killed.returncode == 9
    assert (tmp_path / "run" / ".lock").exists()
    assert zaoju.prepare(small_config(tmp_path / "run")).read.documents == 200


def test_clean_removes_what_a_killed_process_left_half_written(tmp_path: Path) -> None:
    config = small_config(tmp_path / "run")
    assert zaoju.clean(config) == []
    partial = tmp_path / "run" / "stages" / ".prepare-0123.partial"
    partial.mkdir(parents=True)
    assert [item.folder for item in zaoju.clean(config)] == [partial]
    assert not partial.exists()


def test_the_folder_is_held_while_a_stage_is_made_and_free_afterwards(tmp_path: Path) -> None:
    config = small_config(tmp_path / "run")
    refused: list[str] = []

    def try_too(event: zaoju.Event) -> None:
        if isinstance(event, StageStarted | Progress) and not refused:
            with pytest.raises(zaoju.UserError) as error:
                zaoju.prepare(config)
            refused.append(str(error.value))

    account = zaoju.prepare(config, on_event=try_too)
    assert len(refused) == 1
    assert zaoju.prepare(config) == account
