"""How events look on a terminal: bars with rates and time left."""

from __future__ import annotations

from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

import zaoju
from zaoju.cli.reporters import describe, movement_of, rate_text
from zaoju.contracts import events


class RateColumn(ProgressColumn):
    """How much is done in a second."""

    def render(self, task: Task) -> Text:
        """Nothing, as long as it is not known."""
        return Text(rate_text(task.finished_speed or task.speed))


class TerminalReporter:
    """Live bars by rich, one a task, with rate and time left."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("  {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            RateColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[note]}"),
            console=Console(stderr=True, highlight=False, markup=False),
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def report(self, event: zaoju.Event) -> None:
        """Draw the event."""
        line = describe(event)
        if line is not None:
            self._progress.console.print(line)
        if isinstance(event, events.StageFinished):
            self._clear()
        movement = movement_of(event)
        if movement is None:
            return
        total, unit, note = movement.total, movement.unit, movement.note
        if movement.task not in self._tasks:
            self._tasks[movement.task] = self._progress.add_task(movement.task, total=total, unit=unit, note=note)
        task = self._tasks[movement.task]
        self._progress.update(task, completed=movement.done, total=total, unit=unit, note=note)

    def _clear(self) -> None:
        for task in self._tasks.values():
            self._progress.remove_task(task)
        self._tasks.clear()
