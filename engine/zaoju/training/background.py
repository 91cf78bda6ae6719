"""Checkpoints that are written while the training goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from zaoju.training.checkpoint import Checkpoints


class BackgroundSaves:
    """Writes the checkpoints of a run in a thread, one at a time. Use it as a context: all are written at its end.

    An older checkpoint goes only when the new one is durable, in the thread too, so a good one is always there.
    Events are reported, and errors raised, in the thread of the caller: at the next call, or at the end of the block.
    """

    def __init__(self, checkpoints: Checkpoints) -> None:
        self._checkpoints = checkpoints
        self._writing: _Writing | None = None

    def save(self, step: int, write: Callable[[Path], None]) -> None:
        """Begin to write a checkpoint; `write` must hold copies of all that it writes. Waits for the one before."""
        self.wait()
        self._writing = _Writing(self._checkpoints, step, write)

    def collect(self) -> None:
        """Report what has been written meanwhile. Raises the error, as `Checkpoints.save` does; does not wait."""
        if self._writing is not None and not self._writing.is_alive():
            self.wait()

    def wait(self) -> None:
        """Wait for what is being written, then as `collect`."""
        writing, self._writing = self._writing, None
        if writing is None:
            return
        writing.join()
        if writing.error is not None:
            raise writing.error
        self._checkpoints.tell(writing.step, writing.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is not KeyboardInterrupt:  # which ends the process at once, and harms no checkpoint
            self.wait()


class _Writing(threading.Thread):
    """One checkpoint on its way to the disk. Ends with its process, which would else be held by it."""

    def __init__(self, checkpoints: Checkpoints, step: int, write: Callable[[Path], None]) -> None:
        super().__init__(name=f"checkpoint of step {step}", daemon=True)
        self.step = step
        self.path = Path()
        self.error: BaseException | None = None
        self._checkpoints = checkpoints
        self._write: Callable[[Path], None] | None = write
        self.start()

    def run(self) -> None:
        assert self._write is not None
        try:
            self.path = self._checkpoints.write(self.step, self._write)
        except BaseException as error:  # noqa: BLE001  # whatever it is, the training must know
            self.error = error
        finally:
            self._write = None  # the copies go as soon as they are written
