"""Real processes are killed, and a real disk is full: nothing is lost, and the next run ends with the same bytes."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from test_prepare_shards import digest_of

SHARDS = 4
DOCUMENTS_A_FILE = 2_400


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of nearly a shard each, with duplicates between them."""
    folder = tmp_path_factory.mktemp("big") / "corpus"
    folder.mkdir()
    chosen = random.Random(7)
    characters = [chr(0x4E00 + number) for number in range(3_000)]
    pool = ["".join(chosen.choices(characters, k=300)) + "。" for _ in range(3 * DOCUMENTS_A_FILE)]
    for number in range(SHARDS):
        texts = [chosen.choice(pool) for _ in range(DOCUMENTS_A_FILE)]
        lines = (json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts)
        (folder / f"{number}.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


def start(folder: Path, corpus: Path, before: Callable[[], None] | None = None) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    reader = {"name": "jsonl", "paths": [str(corpus)]}
    config = {"run": "run", "corpus": {"readers": [reader], "workers": 2}}
    (folder / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, "-m", "zaoju", "prepare"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=before,  # no threads here
    )


def finish(folder: Path, corpus: Path) -> str:
    """Run to the end, and hash what the stage has left, without the time that its manifest names."""
    process = start(folder, corpus)
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    (stage,) = (folder / "run" / "stages").glob("prepare-*")
    (stage / "manifest.json").unlink()
    assert not list((folder / "run" / "checkpoints").glob("*")), "what is whole needs no shards"
    assert not list((folder / "run" / "stages").glob(".*"))
    return digest_of(stage)


@pytest.fixture(scope="module")
def straight(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The hash of what a run leaves that nothing happens to."""
    return finish(tmp_path_factory.mktemp("straight"), corpus)


def kill_once(folder: Path, corpus: Path, shards: int, seconds: float) -> bool:
    """Kill a run that has finished so many shards, a moment later; whether it was still at work then."""
    process = start(folder, corpus)
    while process.poll() is None and len(list((folder / "run" / "checkpoints").glob("*/0*"))) < shards:
        time.sleep(0.002)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("shards", [1, SHARDS])
def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(
    tmp_path: Path, corpus: Path, straight: str, shards: int
) -> None:
    assert kill_once(tmp_path, corpus, shards, 0.0), "the process ended before it was killed"
    assert not list((tmp_path / "run" / "stages").glob("prepare-*"))
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "run" / "checkpoints").glob("*/0*")}
    assert len(kept) >= shards
    assert finish(tmp_path, corpus) == straight


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_killed_at_random_points_and_more_than_once(tmp_path: Path, corpus: Path, straight: str, seed: int) -> None:
    chosen = random.Random(seed)
    for _ in range(chosen.choice([1, 1, 2, 3])):
        kill_once(tmp_path, corpus, chosen.randint(0, SHARDS), chosen.uniform(0, 0.5))
    assert finish(tmp_path, corpus) == straight


def limit_files(size: int) -> Callable[[], None]:
    """No file of the process may grow beyond `size` bytes: writing more fails as on a full disk."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@pytest.mark.parametrize(
    "size", [pytest.param(1 << 20, id="in a shard"), pytest.param(3 << 20, id="in the corpus", marks=pytest.mark.slow)]
)
def test_a_disk_without_room_is_a_clear_error_and_nothing_is_lost(
    tmp_path: Path, corpus: Path, straight: str, size: int
) -> None:
    process = start(tmp_path, corpus, limit_files(size))
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 2
    assert "the stage prepare could not be written" in stderr
    assert "File too large" in stderr
    assert "Make room" in stderr
    assert "Traceback" not in stderr
    assert not list((tmp_path / "run" / "stages").iterdir()), "no part of a stage can be seen"
    assert finish(tmp_path, corpus) == straight


@pytest.mark.slow
def test_a_full_disk_is_a_clear_error_and_nothing_is_lost(tmp_path: Path, corpus: Path, straight: str) -> None:
    disk = tmp_path / "run"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("this system lets nobody mount a small disk")
    try:
        process = start(tmp_path, corpus)
        _, stderr = process.communicate(timeout=300)
        assert process.returncode == 2, stderr
        assert "No space left on device" in stderr
        assert "Traceback" not in stderr
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        assert finish(tmp_path, corpus) == straight
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
