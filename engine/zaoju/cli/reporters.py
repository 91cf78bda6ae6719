"""How events look as text: one line for what stays, and one now and then for what moves."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import click

import zaoju
from zaoju.contracts import events

_SECONDS_BETWEEN_LINES = 10.0


class PlainReporter:
    """One line at a time on standard error, for logs and pipes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: float | None = None
        self._movements = Movements()
        self._begun: dict[str, tuple[int, float]] = {}
        """Where each task was when it was first heard of, and when that was."""

    def report(self, event: zaoju.Event) -> None:
        """Print what is worth a line; progress at most every ten seconds, with rate and time left."""
        line = describe(event)
        if line is not None:
            click.echo(line, err=True)
        if isinstance(event, events.StageFinished):
            self._begun.clear()
        movement = self._movements.of(event)
        if movement is None:
            return
        now, rate = self._clock(), self._rate(movement)
        if self._last is None or now - self._last >= _SECONDS_BETWEEN_LINES:
            self._last = now
            click.echo(f"  {_line(movement, rate)}", err=True)

    def _rate(self, movement: Movement) -> float | None:
        """How much of the task is done in a second, over all of it; None where that is not known yet."""
        now = self._clock()
        begun, since = self._begun.setdefault(movement.task, (movement.done, now))
        if movement.done < begun:  # the same task on something else
            self._begun[movement.task] = (movement.done, now)
            return None
        return (movement.done - begun) / (now - since) if movement.done > begun and now > since else None


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


@dataclass(frozen=True, slots=True)
class Movement:
    """How far something long is."""

    task: str
    done: int
    total: int | None
    unit: str
    note: str = ""


class Movements:
    """What events say about the way that is done, one after the other."""

    def __init__(self) -> None:
        self._held_out: float | None = None
        """The last look at held-out text, in bits per character."""

    def of(self, event: zaoju.Event) -> Movement | None:
        """The way that an event tells of; None where it tells of none."""
        match event:
            case events.StageStarted():
                self._held_out = None
            case events.HeldOutScored():
                self._held_out = event.bits_per_character
            case events.Progress():
                return Movement(event.task, event.done, event.total, event.unit)
            case events.TrainStep():
                return Movement("training", event.step, event.steps, "steps", self._note(event))
        return None

    def _note(self, step: events.TrainStep) -> str:
        parts = [f"loss {step.loss:.3f}", f"{step.tokens_per_second:,.0f} tokens/s"]
        if step.flops_utilisation is not None:
            parts.append(f"{step.flops_utilisation:.0%} MFU")
        if self._held_out is not None:
            parts.append(f"held out {self._held_out:.3f} bits/char")
        return ", ".join(parts)


def rate_text(rate: float | None) -> str:
    """A rate for a person, such as `1,200/s` or `0.25/s`; nothing where it is not known."""
    if rate is None:
        return ""
    return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.2g}/s"


def _line(movement: Movement, rate: float | None) -> str:
    of_total = "" if movement.total is None else f" of {movement.total:,}"
    parts = [f"{movement.task}: {movement.done:,}{of_total} {movement.unit}"]
    if rate is not None:
        parts.append(rate_text(rate))
        if movement.total is not None:
            parts.append(f"{timedelta(seconds=round((movement.total - movement.done) / rate))} left")
    return ", ".join([*parts, *([movement.note] if movement.note else [])])
