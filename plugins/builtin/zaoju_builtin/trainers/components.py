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
            "lora",
            f"{_HOME}.lora:LoraTrainer",
            options=f"{_HOME}.options:LoraOptions",
            summary="Low-rank adapters on model.init_from, merged at the end",
            requires=("peft",),
            install="pip install 'zaoju[lora]'",
        ),
        Component(
            "transformers",
            f"{_HOME}.transformers_trainer:TransformersTrainer",
            options=f"{_HOME}.options:TransformersOptions",
            summary="transformers.Trainer with zaoju's data and checkpoints: its arguments and integrations",
        ),
    ]
