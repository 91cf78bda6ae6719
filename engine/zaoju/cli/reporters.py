"""How events look: bars with rates and time left on a terminal, one plain line now and then elsewhere."""

from __future__ import annotations

import time
from typing import Self

import click

import zaoju
from zaoju.contracts import events

_SECONDS_BETWEEN_LINES = 10.0


class PlainReporter:
    """One line at a time on standard error, for logs and pipes."""

    def __init__(self) -> None:
        self._last = 0.0

    def report(self, event: zaoju.Event) -> None:
        """Print what is worth a line; progress at most every ten seconds."""
        line = describe(event)
        if line is not None:
            click.echo(line, err=True)
            return
        progress = _progress(event)
        if progress is None or time.monotonic() - self._last < _SECONDS_BETWEEN_LINES:
            return
        self._last = time.monotonic()
        task, done, total, note = progress
        of_total = "" if total is None else f" of {total:,}"
        click.echo(f"  {task}: {done:,}{of_total} {note}".rstrip(), err=True)


class TerminalReporter:
    """Live bars by rich, one a task, with rate and time left."""

    def __init__(self) -> None:
        # Imported when there is a terminal to draw on: rich's bars take a tenth of a second to import.
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("  {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(compact=True),
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
        progress = _progress(event)
        if progress is None:
            return
        task, done, total, note = progress
        if task not in self._tasks:
            self._tasks[task] = self._progress.add_task(task, total=total, note=note)
        self._progress.update(self._tasks[task], completed=done, total=total, note=note)

    def _clear(self) -> None:
        for task in self._tasks.values():
            self._progress.remove_task(task)
        self._tasks.clear()


def describe(event: zaoju.Event) -> str | None:
    """The event as a line that stays; None for what only moves a bar."""
    match event:
        case events.StageStarted():
            return f"{event.stage}"
        case events.StageSkipped():
            return f"{event.stage}: unchanged"
        case events.StageFinished():
            return f"{event.stage}: done in {event.seconds:.1f} s"
        case events.Notice():
            return f"  {event.message}"
        case events.HeldOutScored():
            return f"  step {event.step}: {event.bits_per_character:.3f} bits per character on held-out text"
        case events.SampleWritten():
            return f"  step {event.step}: {event.prompt}│{event.text.strip()}"
        case _:
            return None


def _progress(event: zaoju.Event) -> tuple[str, int, int | None, str] | None:
    """Task, done, total and a note, for events that move a bar."""
    match event:
        case events.Progress():
            return event.task, event.done, event.total, event.unit
        case events.TrainStep():
            note = f"steps, loss {event.loss:.3f}, {event.tokens_per_second:,.0f} tokens/s"
            return "training", event.step, event.steps, note
        case _:
            return None
