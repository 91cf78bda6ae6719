"""What this package offers to zaoju. Imports nothing heavy."""

from __future__ import annotations

from zaoju import Component, hookimpl

ZAOJU_CONTRACT = 1


@hookimpl
def zaoju_trainers() -> list[Component]:
    return [
        Component(
            "ngram",
            "zaoju_ngram.trainer:NgramTrainer",
            options="zaoju_ngram.options:NgramOptions",
            summary="Counts n-grams and smooths them (modified Kneser-Ney): a baseline in seconds, no network",
        )
    ]


@hookimpl
def zaoju_runners() -> list[Component]:
    return [
        Component(
            "ngram",
            "zaoju_ngram.runner:NgramRunner",
            summary="Folders that the trainer `ngram` has left",
        )
    ]
