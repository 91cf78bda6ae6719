"""Checkpoints on disk: each appears whole or not at all, and is checked before it is trusted."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from zaoju.contracts import CheckpointSaved, EventSink, Notice
from zaoju.errors import UserError
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
        path = self.write(step, write)
        self.tell(step, path)
        return path

    def tell(self, step: int, path: Path) -> None:
        """Report a checkpoint that `write` has made."""
        self._emit(CheckpointSaved(step, path))

    def write(self, step: int, write: Callable[[Path], None]) -> Path:
        """As `save`, but reports nothing, since it may be in a thread of its own."""
        path = self._folder / f"{_PREFIX}{step:08d}"
        with written_whole(path, f"the checkpoint of step {step}") as partial:
            write(partial)
            write_manifest(partial)
        try:
            self._remove_others(path)
        except OSError as error:
            raise UserError(
                f"the checkpoint of step {step} is whole in {path}, but what it takes the place of cannot be removed: "
                f"{error}. Set the permissions of {self._folder}, then run again to go on"
            ) from error
        return path

    def newest(self) -> Path | None:
        """The newest checkpoint whose files are what was written; None where there has never been one.

        Damaged ones are told of and passed over. Raises `UserError` where all are: to begin again would remove what may
        be mended, so that is for the user to say.
        """
        damages: dict[Path, str] = {}
        for path in reversed(self._all()):
            damage = find_damage(path)
            if not damage:
                for bad, why in damages.items():
                    self._emit(Notice(f"the checkpoint {bad} is damaged: {why}; going back to {path.name} before it"))
                return path
            damages[path] = damage
        if damages:
            listed = "; ".join(f"{path.name}: {damage}" for path, damage in damages.items())
            raise UserError(
                f"every checkpoint in {self._folder} is damaged ({listed}), so the training cannot go on. Put good "
                "copies back, or remove that folder to begin again"
            )
        return None

    def _remove_others(self, newest: Path) -> None:
        """Remove all but the last ones up to `newest`.

        Later ones are of a way that was left, since they were damaged: they must not be found again. What a process
        that was killed while it saved has left behind goes too.
        """
        every = self._all()
        kept = [path for path in every if path.name <= newest.name][-self._keep :]
        for path in (*every, *self._folder.glob(f".{_PREFIX}*")):
            if path not in kept:
                shutil.rmtree(path)

    def _all(self) -> list[Path]:
        return sorted(path for path in self._folder.glob(f"{_PREFIX}*") if path.is_dir())
