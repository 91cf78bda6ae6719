"""Executors with one planted fault each, and a sound one.

Not collected by itself, as its name says nothing of tests: `test_planted_faults.py` runs pytest on it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from zaoju import Executor, Options
from zaoju.testing import ExecutorContract
from zaoju_builtin.executors.processes import ProcessExecutor

T = TypeVar("T")
R = TypeVar("R")


class Forgetful(ProcessExecutor):
    def run(
        self, function: Callable[[T], R], tasks: Sequence[T], *, workers: int, cancel: threading.Event
    ) -> Iterator[tuple[int, R]]:
        for place, result in super().run(function, tasks, workers=workers, cancel=cancel):
            if place != len(tasks) - 1:
                yield place, result


class Repeating(ProcessExecutor):
    def run(
        self, function: Callable[[T], R], tasks: Sequence[T], *, workers: int, cancel: threading.Event
    ) -> Iterator[tuple[int, R]]:
        for place, result in super().run(function, tasks, workers=workers, cancel=cancel):
            yield place, result
            yield place, result


class Deaf(ProcessExecutor):
    """Does the tasks here, and listens to nothing."""

    def run(
        self, function: Callable[[T], R], tasks: Sequence[T], *, workers: int, cancel: threading.Event
    ) -> Iterator[tuple[int, R]]:
        return iter([])


class Vague(Executor[Options]):
    """Tells that something went wrong, not what."""

    def run(
        self, function: Callable[[T], R], tasks: Sequence[T], *, workers: int, cancel: threading.Event
    ) -> Iterator[tuple[int, R]]:
        for place, task in enumerate(tasks):
            try:
                yield place, function(task)
            except Exception as error:
                raise RuntimeError("a task failed") from error


class TestForgetful(ExecutorContract):
    make = Forgetful


class TestRepeating(ExecutorContract):
    make = Repeating


class TestDeaf(ExecutorContract):
    make = Deaf


class TestVague(ExecutorContract):
    make = Vague
