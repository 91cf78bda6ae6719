"""A process that is killed in training loses nothing that was saved, and the next run goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import yaml

from support.small_run import small_config


def start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "zaoju", "run", "--json"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def wait_for_checkpoint(run: Path, process: subprocess.Popen[str]) -> None:
    """Until a checkpoint after the first step is complete; the process must still be at work then."""
    for _ in range(1200):
        if any(int(path.name.removeprefix("step-")) for path in run.glob("checkpoints/*/step-*")):
            return
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    raise AssertionError("no checkpoint appeared")


def config_with_checkpoints(folder: Path) -> Path:
    trainer = {"name": "lean", "steps": 400, "batch_size": 4, "checkpoint_every_seconds": 0.2}
    config = small_config(folder / "run", trainer=trainer)
    (folder / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), "utf-8")
    return folder / "run"


def unchanged_stages(stderr: str) -> int:
    """How many stages the second run found done."""
    return stderr.count("unchanged")


def test_kill_dash_nine_and_run_again(tmp_path: Path) -> None:
    run = config_with_checkpoints(tmp_path)
    process = start(tmp_path)
    wait_for_checkpoint(run, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (run / "model").exists()

    again = start(tmp_path)
    stdout, stderr = again.communicate(timeout=300)
    assert again.returncode == 0, stderr
    assert unchanged_stages(stderr) == 3, "prepare, vocabulary and encode are kept"
    log = next(run.glob("stages/train-*/training.jsonl")).read_text("utf-8").splitlines()
    steps = [record["step"] for record in map(json.loads, log) if record["event"] == "TrainStep"]
    assert steps[-1] == 400
    begun = [second for first, second in pairwise(steps) if second <= first]
    assert 1 not in begun, "the second process did not begin at the first step"
    assert Path(json.loads(stdout)["model"]) == run / "model"


def test_control_c_saves_and_says_how_to_go_on(tmp_path: Path) -> None:
    run = config_with_checkpoints(tmp_path)
    process = start(tmp_path)
    wait_for_checkpoint(run, process)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "the same run again goes on from it" in stderr
    assert "Traceback" not in stderr
    again = start(tmp_path)
    assert again.communicate(timeout=300)[0]
    assert again.returncode == 0
