"""Programs that take turns, each in a process of its own: none disturbs another's settings, and one works at a time.

A program calls `Turn.step` after each of its steps. There it waits whenever its turn is over, so whatever it does
between its steps (logging, checkpoints, looks at held-out text) falls into its own time.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Concatenate, Final, ParamSpec

import torch
from measuring import wait_for

from zaoju.training.hardware import peak_memory

P = ParamSpec("P")

ENDED: Final = "ended"
"""What `Player.failed` says of a program that has done all its steps."""

_LOOK: Final = "look"
_END: Final = 0


class OverError(BaseException):
    """Raised inside a program by `Turn.step` when it is no longer wanted; not an error for it to handle."""


class Turn:
    """What a program has of its turns."""

    def __init__(self, connection: Connection, device: str) -> None:
        self._connection = connection
        self._device = device
        self._left = 0
        self._ready = time.perf_counter()

    def ready(self) -> None:
        """What is needed is imported: from here on the time counts."""
        self._ready = time.perf_counter()

    def begin(self) -> None:
        """The first step is next: wait for the first turn."""
        self._connection.send(time.perf_counter() - self._ready)
        self._wait(None)

    def step(self, look: Callable[[], float] | None = None) -> None:
        """A step is done. `look` scores the model; it may be asked for when a turn is over, off the clock."""
        self._left -= 1
        if self._left <= 0:
            self._wait(look)

    def _wait(self, look: Callable[[], float] | None) -> None:
        wait_for(self._device)
        self._connection.send(peak_memory(self._device) or 0)
        while (message := self._connection.recv()) == _LOOK:
            self._connection.send(None if look is None else look())
        if message == _END:
            raise OverError
        self._left = message


@dataclass
class Player:
    """A program that is under way, and what it did."""

    name: str
    _connection: Connection
    _process: multiprocessing.process.BaseProcess
    seconds: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    before: float = 0.0
    """Seconds from `Turn.ready` to the first step."""

    first: float = 0.0
    """Seconds of the steps that warmed up."""

    peak_memory: int = 0
    """In bytes."""

    failed: str = ""

    @classmethod
    def start(
        cls,
        name: str,
        program: Callable[Concatenate[Turn, P], None],
        device: str,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Player:
        """Start `program` and wait until it stands before its first step, or has failed."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_run, args=(theirs, program, device, torch.get_num_threads(), args, kwargs))
        process.start()
        theirs.close()
        player = cls(name, ours, process)
        player._hear()
        return player

    def turn(self, steps: int) -> float:
        """Let it do some steps; the seconds that they took."""
        started = time.perf_counter()
        self._connection.send(steps)
        self._hear()
        seconds = time.perf_counter() - started
        if not self.failed:
            self.seconds.append(seconds)
            self.steps.append(steps)
        return seconds

    def look(self) -> float:
        """The score of its model as it is now."""
        self._connection.send(_LOOK)
        score: float = self._connection.recv()
        return score

    def end(self) -> None:
        """It is no longer wanted."""
        if self._process.is_alive() and not self.failed:
            self._connection.send(_END)
        self._process.join()

    def warm_up(self, steps: int) -> None:
        """Do some steps that count nowhere but in `first`."""
        self.first = self.turn(steps)
        self.seconds.clear()
        self.steps.clear()

    def _hear(self) -> None:
        try:
            heard = self._connection.recv()
        except EOFError:
            heard = "its process died"
        if isinstance(heard, str):
            self.failed = heard
        elif isinstance(heard, float):
            self.before = heard
            self._hear()
        else:
            self.peak_memory = max(self.peak_memory, heard)


def _run(
    connection: Connection,
    program: Callable[..., None],
    device: str,
    threads: int,
    args: tuple[object, ...],
    kwargs: dict[str, object],
) -> None:
    torch.set_num_threads(threads)
    try:
        program(Turn(connection, device), *args, **kwargs)
    except OverError:
        return
    except Exception as error:  # noqa: BLE001  # it stands in its line of the table
        traceback.print_exc(file=sys.stderr)
        connection.send(f"failed: {type(error).__name__}: {(str(error).splitlines() or [''])[0][:110]}")
    else:
        connection.send(ENDED)
