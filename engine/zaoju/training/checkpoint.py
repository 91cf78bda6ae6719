"""Checkpoints on disk: each appears whole or not at all, and is checked before it is trusted."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from zaoju.contracts import CheckpointSaved, EventSink, Notice
from zaoju.training.manifest import find_damage, write_manifest
from zaoju.training.written import written_whole

_PREFIX = "step-"


class Checkpoints:
    """The checkpoints of one run, `step-00000000` and so on in `folder`; the newest `keep` of them stay.

    What a checkpoint holds is its writer's affair. Nothing is pickled, and a crash at any moment leaves a good one.
    """

    def __init__(self, folder: Path, emit: EventSink, *, keep: int = 2) -> None:
        self._folder = folder
        self._emit = emit
        self._keep = keep

    def save(self, step: int, write: Callable[[Path], None]) -> Path:
        """Make a checkpoint from the files that `write` puts into an empty folder; older ones go when it is durable.

        Raises `UserError` where the disk does not take it; the checkpoints before are untouched.
        """
        path = self._folder / f"{_PREFIX}{step:08d}"
        with written_whole(path, f"the checkpoint of step {step}") as partial:
            write(partial)
            write_manifest(partial)
        # What a process that was killed while it saved has left behind goes too.
        for old in (*self._all()[: -self._keep], *self._folder.glob(f".{_PREFIX}*")):
            shutil.rmtree(old)
        self._emit(CheckpointSaved(step, path))
        return path

    def newest(self) -> Path | None:
        """The newest checkpoint whose files are what was written, or None. Damaged ones are told of and passed over."""
        for path in reversed(self._all()):
            damage = find_damage(path)
            if not damage:
                return path
            self._emit(Notice(f"the checkpoint {path} is damaged: {damage}; going back to the one before it"))
        return None

    def _all(self) -> list[Path]:
        return sorted(path for path in self._folder.glob(f"{_PREFIX}*") if path.is_dir())
