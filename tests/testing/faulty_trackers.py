"""Trackers with one planted fault each, and a sound one.

Not collected by itself, as its name says nothing of tests: `test_planted_faults.py` runs pytest on it.
"""

from __future__ import annotations

import random
import threading
from pathlib import Path

from zaoju import Event, Options, TrackedTraining, Tracker
from zaoju.contracts import CheckpointSaved, HeldOutScored, SampleWritten, TrainStep
from zaoju.testing import TrackerContract


class Lines(Tracker[Options]):
    """Writes a line for each event that it knows."""

    def begin(self, training: TrackedTraining) -> None:
        self.path = training.folder / "lines.txt"

    def report(self, event: Event) -> None:
        if isinstance(event, TrainStep | HeldOutScored | SampleWritten):
            self.write(repr(event))

    def write(self, line: str) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def end(self) -> None:
        pass


class Once(Lines):
    """Wants to be the first."""

    def begin(self, training: TrackedTraining) -> None:
        super().begin(training)
        self.path.open("x").close()


class Forwards(Lines):
    """Believes that steps only grow."""

    step = 0

    def report(self, event: Event) -> None:
        if isinstance(event, TrainStep):
            assert event.step > self.step, "a step came again"
            self.step = event.step


class Strict(Lines):
    """Knows all events of today."""

    def report(self, event: Event) -> None:
        if not isinstance(event, TrainStep | HeldOutScored | SampleWritten | CheckpointSaved):
            raise TypeError(f"what is {type(event).__name__}?")


class Certain(Lines):
    """Believes that all is measured."""

    def report(self, event: Event) -> None:
        if isinstance(event, TrainStep):
            self.write(f"{event.gradient_norm:.3f}")


class Ascii(Lines):
    """Writes in ASCII."""

    def write(self, line: str) -> None:
        with self.path.open("a", encoding="ascii") as file:
            file.write(line + "\n")

    def report(self, event: Event) -> None:
        if isinstance(event, SampleWritten) and event.prompt != "我想":
            self.write(event.text)


class Wandering(Lines):
    """Writes to where the program was started."""

    def begin(self, training: TrackedTraining) -> None:
        self.path = Path("lines.txt")


class Drawing(Lines):
    """Takes a name by chance."""

    def begin(self, training: TrackedTraining) -> None:
        self.path = training.folder / f"{random.random()}.txt"


class Talking(Lines):
    """Prints."""

    def write(self, line: str) -> None:
        print(line)


class Lasting(Lines):
    """Forgets its thread."""

    def begin(self, training: TrackedTraining) -> None:
        super().begin(training)
        threading.Thread(target=threading.Event().wait, name="writer of lines", daemon=True).start()


class Last(Lines):
    """Needs a step to end."""

    last: int

    def report(self, event: Event) -> None:
        if isinstance(event, TrainStep):
            self.last = event.step

    def end(self) -> None:
        self.write(str(self.last))


class Short(Lines):
    """Has no room for a whole training."""

    room = 5

    def report(self, event: Event) -> None:
        if isinstance(event, TrainStep):
            self.room -= 1
            assert self.room, "no room left"


class TestLines(TrackerContract):
    make = Lines


class TestOnce(TrackerContract):
    make = Once


class TestForwards(TrackerContract):
    make = Forwards


class TestStrict(TrackerContract):
    make = Strict


class TestCertain(TrackerContract):
    make = Certain


class TestAscii(TrackerContract):
    make = Ascii


class TestWandering(TrackerContract):
    make = Wandering


class TestDrawing(TrackerContract):
    make = Drawing


class TestTalking(TrackerContract):
    make = Talking


class TestLasting(TrackerContract):
    make = Lasting


class TestLast(TrackerContract):
    make = Last


class TestShort(TrackerContract):
    make = Short
