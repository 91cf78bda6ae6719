"""The losses of a training that may be killed, step by step and to the last bit."""

from __future__ import annotations

import os
from pathlib import Path

from zaoju.contracts import Event, EventSink, TrainStep


def noting_losses(path: Path) -> EventSink:
    """A sink that writes down the loss of every step as a hexadecimal number, at once."""
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    def emit(event: Event) -> None:
        if isinstance(event, TrainStep):
            os.write(handle, f"{event.step} {event.loss.hex()}\n".encode())

    return emit


def noted_losses(path: Path) -> dict[int, set[str]]:
    """All that was written down of each step; steps that were done again have more than one line, and should agree."""
    losses: dict[int, set[str]] = {}
    for line in path.read_text("ascii").splitlines():
        step, loss = line.split()
        losses.setdefault(int(step), set()).add(loss)
    return losses
