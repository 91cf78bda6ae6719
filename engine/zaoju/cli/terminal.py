"""How events look on a terminal: bars with rates and time left."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from rich.console import Console, RenderableType
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
from zaoju.cli.reporters import Movements, describe, rate_text
from zaoju.contracts import events


class RateColumn(ProgressColumn):
    """How much is done in a second."""

    def render(self, task: Task) -> Text:
        """Nothing, as long as it is not known."""
        return Text(rate_text(task.finished_speed or task.speed))


class NotedProgress(Progress):
    """Bars, and below each one a line for its note, which a narrow terminal would cut off beside it."""

    def get_renderables(self) -> Iterable[RenderableType]:
        """The table of the bars, then the notes."""
        yield self.make_tasks_table(self.tasks)
        for task in self.tasks:
            if task.fields["note"]:
                yield Text(f"  {task.fields['note']}", no_wrap=True, overflow="ellipsis")


class TerminalReporter:
    """Live bars by rich, one a task, with rate and time left."""

    def __init__(self) -> None:
        self._progress = NotedProgress(
            TextColumn("  {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            RateColumn(),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True, highlight=False, markup=False),
            transient=True,
        )
        self._movements = Movements()
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
        movement = self._movements.of(event)
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
