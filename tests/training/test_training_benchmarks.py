"""The benchmarks of training run, and every way in them does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[2] / "benchmarks"


def run(name: str, *arguments: str) -> str:
    """What a benchmark prints."""
    command = [sys.executable, str(HOME / f"{name}.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """Enough lines to train on and to hold out, each a document of its own in a file of its own."""
    folder = tmp_path / "texts"
    folder.mkdir()
    for number in range(60):
        lines = [f"第{number}章第{line}行：春天到了，{'山花' * (line % 5 + 1)}开了。" for line in range(60)]
        (folder / f"{number}.txt").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


@pytest.mark.slow
def test_training(tmp_path: Path, text: Path) -> None:
    report = tmp_path / "report.json"
    small = ["--size", "nano", "--batch", "2", "--vocabulary", "400", "--rounds", "2", "--turn", "0.2"]
    small += ["--precisions", "float32"]
    printed = run("training", str(text), *small, "--json", str(report))
    ways = json.loads(report.read_text("utf-8"))["ways"]
    assert {name: one["failed"] for name, one in ways.items()} == dict.fromkeys(ways, "")
    programs = ("transformers.Trainer", "loop over transformers", "bare lean loop", "zaoju lean")
    assert set(ways) == {f"{program}, float32" for program in programs}
    assert all(len(one["seconds"]) == 2 for one in ways.values())
    assert printed.count("tokens/s") == 1


@pytest.mark.slow
def test_learning(tmp_path: Path, text: Path) -> None:
    report = tmp_path / "report.json"
    small = ["--size", "nano", "--seconds", "6", "--shares", "0.5", "--vocabulary", "400"]
    run("learning", str(text), *small, "--json", str(report))
    ways = json.loads(report.read_text("utf-8"))["ways"]
    assert set(ways) == {"Trainer, defaults", "Trainer, tuned", "zaoju, 50% of the time"}
    assert all(0 < one["bits"][0] < 20 for one in ways.values())


@pytest.mark.slow
def test_products() -> None:
    assert run("products", "--rows", "64", "--width", "32", "--rounds", "2").count("oneDNN") == 3


@pytest.mark.slow
def test_checkpoints(tmp_path: Path) -> None:
    printed = run("checkpoints", "--quick", "--threads", "1", "--folder", str(tmp_path))
    lines = printed.splitlines()
    for way in ("none", "waited for", "in the background", "checkpoint", "plain file"):
        assert sum(line.startswith(way + "  ") for line in lines) >= 1, printed
    assert list(tmp_path.iterdir()) == []
