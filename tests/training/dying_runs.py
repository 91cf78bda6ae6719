"""Short runs in processes of their own, which may die or be refused by the disk."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from final_state import final_state
from trainer_cases import CASES

from support.crash_points import CrashPoints, dying_child

OPTIONS = {"steps": 4, "batch_size": 2, "accumulate": 1, "evaluate_every": 2, "checkpoint_every_seconds": 1e-6}
"""A checkpoint after every step, and a best model after the second."""


@dataclass(frozen=True)
class Undisturbed:
    """A run that nothing disturbs: its final state, how many points it passes, and a folder in which to begin."""

    state: dict[str, str]
    points: int
    begun: Path
    folder: Path


def undisturbed_run(name: str, base: Path) -> Undisturbed:
    """Train once to the end."""
    begun = base / "begun"
    CASES[name].run(begun)
    folder = begin(base / "run", begun)
    assert train(name, folder, begun, count_to=base / "points") == 0
    return Undisturbed(final_state(folder), int((base / "points").read_text()), begun, folder)


def begin(folder: Path, begun: Path) -> Path:
    """A folder in which nothing is done yet but to write the data."""
    for part in ("train", "checkpoints"):
        shutil.copytree(begun / part, folder / part)
    return folder


def train(
    name: str,
    folder: Path,
    begun: Path,
    die_at: int | None = None,
    *,
    power_loss: bool = False,
    count_to: Path | None = None,
) -> int:
    """Train in `folder` in a process of its own, which dies at a point if it comes so far; its exit code."""

    def work() -> None:
        run = CASES[name].run(folder, first_in=begun)
        points = CrashPoints(folder, die_at, power_loss=power_loss)
        points.install()
        CASES[name].build(**OPTIONS).train(run)
        if count_to is not None:
            os.write(os.open(count_to, os.O_CREAT | os.O_WRONLY), str(points.seen).encode())

    return dying_child(work, folder)
