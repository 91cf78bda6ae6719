"""What is offered here, by name and import string. Imports nothing heavy."""

from __future__ import annotations

from zaoju import Component

_HOME = "zaoju_builtin.trackers"


def trackers() -> list[Component]:
    """The builtin trackers."""
    return [
        Component(
            "tensorboard",
            f"{_HOME}.tensorboard:TensorBoardTracker",
            summary="Curves and texts for TensorBoard, in the folder trackers of the run",
            requires=("tensorboard",),
            install="pip install 'zaoju[tensorboard]'",
        ),
    ]
