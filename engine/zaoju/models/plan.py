"""Which model a training begins with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """Which model to train: a new one of an architecture, or the one in a folder."""

    architecture: str
    """A model type of transformers, such as `gpt2` or `llama`. Ignored where `init_from` is given."""

    numbers: Mapping[str, int | float | bool | str]
    """Keyword arguments of the architecture's configuration, under the names that transformers uses."""

    vocabulary_size: int
    """How many tokens the tokenizer has."""

    end_of_text: int
    """The id of the token between documents; it also starts a text."""

    init_from: Path | None = None
    """A Hugging Face folder to train on from, with this run's tokenizer."""

    first_new: int | None = None
    """The first of the tokens that `zaoju extend` added to `init_from`, whose rows may be trained before the rest."""

    new_marks: int = 0
    """How many of the last tokens are marks of turns that the model in `init_from` has never seen."""
