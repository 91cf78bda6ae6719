"""Where the pipeline's events go: to the caller, to the plugins' lifecycle hooks, and into the run's log."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from zaoju.contracts import CheckpointSaved, Event, EventSink, HeldOutScored, SampleWritten, TrainStep
from zaoju.plugins import PluginManager


def combined(caller: EventSink | None, plugins: PluginManager) -> EventSink:
    """A sink that tells the plugins first and then the caller."""

    def emit(event: Event) -> None:
        plugins.notify(event)
        if caller is not None:
            caller(event)

    return emit


def logged(emit: EventSink, path: Path) -> EventSink:
    """A sink that also appends what happens in training to `path`, one JSON object a line."""

    def emit_and_log(event: Event) -> None:
        if isinstance(event, TrainStep | HeldOutScored | SampleWritten | CheckpointSaved):
            record = {"event": type(event).__name__, **asdict(event)}
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record, ensure_ascii=False, default=str) + "\n")
        emit(event)

    return emit_and_log
