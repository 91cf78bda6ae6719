"""The log of a training: what happened, one JSON object a line, and what it says as a whole.

It lies with the checkpoints while the training runs and beside the model afterwards. A training that went on after a
crash does some steps again, and its log has them twice; the later ones are those that count.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from zaoju.contracts import CheckpointSaved, Event, EventSink, HeldOutScored, SampleWritten, TrainStep
from zaoju.errors import UserError

TRAINING_LOG = "training.jsonl"

LoggedEvent = TrainStep | HeldOutScored | SampleWritten


@dataclass(frozen=True, slots=True)
class Logged:
    """Something that happened in training."""

    event: LoggedEvent
    seconds: float | None
    """Time spent in the training until then, earlier parts of a resumed one included; None in logs of old."""


class TrainingLog:
    """Appends what happens in training to a file, with the seconds since the training began."""

    def __init__(self, path: Path) -> None:
        """Go on with the log in `path`, or begin one."""
        self._path = path
        path.touch()
        _end_last_line(path)
        self._begin = time.monotonic() - training_seconds(path)

    def telling(self, emit: EventSink) -> EventSink:
        """A sink that writes an event down before it hands it on to `emit`."""

        def emit_and_log(event: Event) -> None:
            if isinstance(event, TrainStep | HeldOutScored | SampleWritten | CheckpointSaved):
                self._write(type(event).__name__, asdict(event))
            emit(event)

        return emit_and_log

    def finish(self) -> None:
        """Note the end, so that the time is known of a trainer without steps too."""
        self._write("Finished", {})

    def _write(self, name: str, fields: Mapping[str, object]) -> None:
        record = {"event": name, "seconds": round(time.monotonic() - self._begin, 3), **fields}
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record, ensure_ascii=False, default=str) + "\n")
        except OSError as error:
            raise UserError(
                f"the training's log cannot be written to {self._path} after step {fields.get('step', 'the last')}: "
                f"{error.strerror}. Make room or set the permissions, then run again to go on from the last checkpoint"
            ) from error


def _end_last_line(path: Path) -> None:
    """A line that was cut short, by a crash or a full disk, must not swallow the one that is written after it."""
    with path.open("rb+") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            file.write(b"\n")


def training_seconds(path: Path) -> float:
    """The time that the log tells of; 0 where it tells of none."""
    seconds = 0.0
    for record in _records(path):
        told = record.get("seconds")
        seconds = float(told) if isinstance(told, int | float) else seconds
    return seconds


def read_training_log(path: Path) -> list[Logged]:
    """What happened, without the steps that were done again later. Empty where there is no log.

    A training has gone back where anything is told of an earlier step than the last, or a second time of the same one:
    not every step is reported, so it may be a look at held-out text.

    A line that was cut short, as in a log that is being written, is left out.
    """
    found: list[Logged] = []
    seen: set[tuple[object, ...]] = set()
    for record in _records(path):
        event = _event(record)
        if event is None:
            continue
        if found and (event.step < found[-1].event.step or _mark(event) in seen):
            found = [one for one in found if one.event.step < event.step]
            seen = {_mark(one.event) for one in found}
        seconds = record.get("seconds")
        seen.add(_mark(event))
        found.append(Logged(event, float(seconds) if isinstance(seconds, int | float) else None))
    return found


def _mark(event: LoggedEvent) -> tuple[object, ...]:
    """What happens once in a training. A step may write several prompts on."""
    return (type(event), event.step, *([event.prompt] if isinstance(event, SampleWritten) else []))


def _event(record: Mapping[str, object]) -> LoggedEvent | None:
    fields = {name: value for name, value in record.items() if name not in ("event", "seconds")}
    for kind in (TrainStep, HeldOutScored, SampleWritten):
        if record.get("event") == kind.__name__:
            return kind(**fields)  # type: ignore[arg-type]  # as `logged` wrote it
    return None


def _records(path: Path) -> Iterator[dict[str, object]]:
    if not path.is_file():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            try:
                yield json.loads(line)
            except ValueError:
                continue
