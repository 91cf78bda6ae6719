"""Standard input as a file of the corpus, for readers with the path `-`.

A stage is a function of its inputs, and a stream can be read only once. So what comes through it is kept in the run
folder, under a hash of its content, and the readers read it from there: in parts, in other processes, and again later.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import sys
import threading
import uuid
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from zaoju.contracts import EventSink, Notice, Progress
from zaoju.errors import Cancelled, UserError
from zaoju.pipeline.lock import alone_in
from zaoju.plugins import JSON, ResolvedComponent

_NAME = "standard_input"
"""The documents' sources begin with it: `standard_input:12-15`."""

_BLOCK = 1 << 20
_BETWEEN_REPORTS = 16 * _BLOCK


def inputs_folder(run: Path) -> Path:
    """Where a run keeps what came through standard input, each content in a folder of its own."""
    return run / "inputs"


def kept_input(run: Path) -> Path | None:
    """What came through standard input the last time; None where nothing ever did."""
    folders = [path for path in inputs_folder(run).glob("*") if (path / _NAME).is_file() and path.name[0] != "."]
    return max(folders, key=lambda path: path.stat().st_mtime_ns) / _NAME if folders else None


def asks_for_standard_input(components: Iterable[ResolvedComponent]) -> bool:
    """Whether one of these readers has the path `-`."""
    return any(with_standard_input(component, Path(_NAME)) is not component for component in components)


def with_standard_input(component: ResolvedComponent, path: Path) -> ResolvedComponent:
    """The reader with `path` for each path `-` in its options; the same object where there is none."""
    changed: dict[str, JSON] = {}
    for name, value in component.option_values():
        if _is_it(value):
            changed[name] = str(path)
        elif isinstance(value, list) and any(map(_is_it, value)):
            changed[name] = [str(path if _is_it(item) else item) for item in value]
    return replace(component, options={**component.options, **changed}) if changed else component


def keep_standard_input(run: Path, emit: EventSink, cancel: threading.Event) -> Path:
    """The file with what comes through standard input, or with what came the last time where nobody gives anything.

    Memory does not grow with the input. Raises `UserError` where nothing comes and nothing ever did, and where there is
    no room; `Cancelled` soon after `cancel` is set.
    """
    source = _given()
    if source is None:
        return _again(run, emit)
    with alone_in(run):
        inputs_folder(run).mkdir(exist_ok=True)
        partial = inputs_folder(run) / f".{uuid.uuid4().hex}.partial"
        try:
            partial.mkdir()
            digest = _copy(source, partial / _NAME, emit, cancel)
            kept = inputs_folder(run) / digest[:12]
            if (kept / _NAME).is_file():
                os.utime(kept)
            else:
                partial.rename(kept)
        except OSError as error:
            raise UserError(
                f"standard input could not be kept in {inputs_folder(run)}: {error.strerror or error}. Make room there,"
                " or name another `run:`"
            ) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return kept / _NAME


def _is_it(value: object) -> bool:
    return isinstance(value, Path) and str(value) == "-"


def _given() -> BinaryIO | None:
    """Standard input; None where it is a terminal, /dev/null or closed, from which no corpus can come."""
    if sys.stdin is None or sys.stdin.closed:
        return None
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except OSError:  # an embedding program has put something else there
        return sys.stdin.buffer
    return None if stat.S_ISCHR(mode) else sys.stdin.buffer


def _again(run: Path, emit: EventSink) -> Path:
    path = kept_input(run)
    if path is None:
        raise UserError(
            "a reader has the path `-`, which is standard input, and nothing comes from there: pipe a corpus into this"
            " command, such as `cat poems.txt | zaoju prepare`, or name files in `paths:`"
        )
    emit(Notice(f"nothing comes from standard input; what came the last time is read again, {path}"))
    return path


def _copy(source: BinaryIO, path: Path, emit: EventSink, cancel: threading.Event) -> str:
    """Write the stream to a file; the hash of its content."""
    digest = hashlib.sha256()
    size = 0
    with path.open("xb") as file:
        while block := source.read(_BLOCK):
            digest.update(block)
            file.write(block)
            size += len(block)
            if size // _BETWEEN_REPORTS > (size - len(block)) // _BETWEEN_REPORTS:
                emit(Progress("reading standard input", size, None, "bytes"))
            if cancel.is_set():
                raise Cancelled("reading standard input was cancelled; nothing of it is kept")
        file.flush()
        os.fsync(file.fileno())
    if not size:
        raise UserError(
            "standard input is empty: did the command before the pipe fail? To go on with what came the last time, run"
            " this with `< /dev/null`"
        )
    return digest.hexdigest()
