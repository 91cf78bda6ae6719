"""What is offered here, by name and import string. Imports nothing heavy."""

from __future__ import annotations

from zaoju import Component

_HOME = "zaoju_builtin.executors"


def executors() -> list[Component]:
    """The builtin executors."""
    return [
        Component(
            "processes",
            f"{_HOME}.processes:ProcessExecutor",
            summary="Processes of this machine",
        ),
        Component(
            "ray",
            f"{_HOME}.ray_cluster:RayExecutor",
            options=f"{_HOME}.options:RayOptions",
            summary="The machines of a Ray cluster, which share the folders of the corpus and of the run",
            requires=("ray",),
            install='pip install "zaoju[ray]"',
        ),
    ]
