"""The builtin tracker, and the one in `docs/training.md`, keep the contract."""

from __future__ import annotations

import re
from pathlib import Path

from zaoju import Options, Tracker
from zaoju.testing import TrackerContract

PAGE = Path(__file__).resolve().parents[2] / "docs" / "training.md"


def documented() -> Tracker[Options]:
    (snippet,) = re.findall(r"```python\n(# zaoju_lines/tracker\.py\n.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    names: dict[str, object] = {"__name__": "zaoju_lines.tracker"}
    exec(compile(snippet, PAGE, "exec"), names)
    tracker = names["LinesTracker"]
    assert isinstance(tracker, type) and issubclass(tracker, Tracker)
    return tracker(Options())


class TestTensorBoard(TrackerContract):
    component = "tensorboard"


class TestTheOneOfThePage(TrackerContract):
    make = documented
