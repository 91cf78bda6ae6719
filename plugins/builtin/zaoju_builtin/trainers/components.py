"""What is offered here, by name and import string. Imports nothing heavy."""

from __future__ import annotations

from zaoju import Component

_HOME = "zaoju_builtin.trainers"


def trainers() -> list[Component]:
    """The builtin trainers."""
    return [
        Component(
            "lean",
            f"{_HOME}.lean:LeanTrainer",
            options=f"{_HOME}.options:LeanOptions",
            summary="A plain training loop on Accelerate, exact on resume",
        ),
        Component(
            "transformers",
            f"{_HOME}.transformers_trainer:TransformersTrainer",
            options=f"{_HOME}.options:TransformersOptions",
            summary="transformers.Trainer with zaoju's data and checkpoints: its arguments and integrations",
        ),
    ]
