"""Running a stage: skip what is unchanged, leave whole folders, write down what went in.

A stage is a function of its inputs. Its folder bears a hash of them, so that another configuration gets another folder,
and going back to an earlier one finds its results again.
"""

from __future__ import annotations

import errno
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from zaoju.contracts import EventSink, Notice, StageFinished, StageSkipped, StageStarted
from zaoju.errors import Cancelled, UserError
from zaoju.files import hash_json, whole_folder, write_text_whole
from zaoju.pipeline.lock import alone_in

MANIFEST = "manifest.json"

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_BROKEN = frozenset({errno.EIO, errno.EROFS})

_log = logging.getLogger(__name__)

Inputs = Mapping[str, object]
"""JSON values that decide the results of a stage."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage with its inputs: where its results belong, and whether they are there."""

    name: str
    inputs: Inputs
    folder: Path

    @property
    def key(self) -> str:
        """The hash of the inputs that names the folder."""
        return self.folder.name.removeprefix(f"{self.name}-")

    @property
    def done(self) -> bool:
        """Whether the results are there and no file of them is missing or cut short."""
        try:
            manifest = json.loads((self.folder / MANIFEST).read_text("utf-8"))
            sizes = {name: (self.folder / name).stat().st_size for name in manifest["files"]}
        except (OSError, ValueError, KeyError):
            return False
        return bool(sizes == manifest["files"])


class StageRunner:
    """Runs the stages of one run folder."""

    def __init__(self, folder: Path, emit: EventSink, cancel: threading.Event) -> None:
        self._folder = folder
        self._emit = emit
        self._cancel = cancel
        self._settled: set[Path] = set()

    def stage(self, name: str, inputs: Inputs) -> Stage:
        """The stage of that name with these inputs."""
        key = hash_json({"stage": name, "inputs": inputs})[:12]
        return Stage(name, inputs, self._folder / "stages" / f"{name}-{key}")

    def run(self, stage: Stage, work: Callable[[Path], None]) -> Path:
        """Do `work` in a folder that becomes `stage.folder` when it is whole; nothing, where that is already done."""
        if stage.folder in self._settled:
            return stage.folder
        if stage.done:
            self._emit(StageSkipped(stage.name, stage.folder))
        else:
            with alone_in(self._folder):
                self._make(stage, work)
        self._settled.add(stage.folder)
        return stage.folder

    def _make(self, stage: Stage, work: Callable[[Path], None]) -> None:
        if stage.folder.exists():
            self._emit(Notice(f"{stage.folder} is damaged; its results are made again"))
        if self._cancel.is_set():
            raise Cancelled(f"cancelled before the stage {stage.name}")
        self._emit(StageStarted(stage.name, stage.folder))
        start = time.monotonic()
        with _room_on_disk(stage), whole_folder(stage.folder) as folder:
            work(folder)
            _write_manifest(folder, stage)
        seconds = time.monotonic() - start
        _log.info("stage %s done in %.1f s: %s", stage.name, seconds, stage.folder)
        self._emit(StageFinished(stage.name, stage.folder, seconds))


@contextmanager
def _room_on_disk(stage: Stage) -> Iterator[None]:
    """A disk that is full, or that fails, is for the user to mend."""
    try:
        yield
    except OSError as error:
        if error.errno in _BROKEN:
            raise UserError(
                f"the stage {stage.name} cannot use {error.filename or stage.folder.parent}: {error.strerror}. "
                "Look after the disk, or name another `run:`; the same run again goes on with what was finished"
            ) from error
        if error.errno not in _NO_ROOM:
            raise
        raise UserError(
            f"the stage {stage.name} could not be written to {stage.folder.parent}: {error.strerror}. Make room there,"
            " or name another `run:`; the same run again goes on with what was finished"
        ) from error


def _write_manifest(folder: Path, stage: Stage) -> None:
    files = {
        path.relative_to(folder).as_posix(): path.stat().st_size for path in sorted(folder.rglob("*")) if path.is_file()
    }
    manifest = {
        "stage": stage.name,
        "inputs": stage.inputs,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "zaoju": version("zaoju"),
        "files": files,
    }
    write_text_whole(folder / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1) + "\n")
