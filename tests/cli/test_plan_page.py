"""What docs/plan.md shows works as it stands there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import zaoju
from support.calling import Call, Called
from zaoju.planning import MeasuredStep, StepRate, shape_of_size
from zaoju.planning.memory import Pass
from zaoju.planning.precision import PRECISIONS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "plan.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def measured() -> zaoju.Calibration:
    """What a machine of 100 GFLOP/s could have done, so that no machine is timed here."""
    steps = []
    for size in ("nano", "mini"):
        shape, one = shape_of_size(size), Pass(4, PRECISIONS["float32"])
        steps.append(MeasuredStep(shape, one, StepRate(1e-11, 1e-9).seconds(shape, one)))
    return zaoju.Calibration("cpu", "float32", 8 << 30, tuple(steps), StepRate.fit(steps))


def test_the_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(zaoju, "calibrate", measured, raising=False)
    namespace: dict[str, object] = {"__name__": "snippet"}
    snippets = blocks("python")
    assert len(snippets) >= 6
    for snippet in snippets:
        exec(compile(snippet, "plan.md", "exec"), namespace)
    assert (tmp_path / "plan.html").is_file()


def test_the_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call) -> None:
    monkeypatch.setattr(zaoju, "calibrate", lambda on_event: measured(), raising=False)
    (tmp_path / "config.yaml").write_text("model: {size: nano}\n", "utf-8")
    (commands,) = blocks("sh")
    for line in commands.strip().splitlines():
        called: Called = call(tmp_path, *shlex.split(line)[1:])
        assert called.exit_code == 0, called.stderr
        assert "GB of a device" in called.stdout
