"""The hooks that a plugin may implement.

Hooks that offer components are named after their kind in the plural, take nothing and return a list of `Component`;
they are called once, when the plugin is loaded, and must import nothing heavy. Hooks that report events are called
while a stage runs and return nothing. No hook is called per token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from pathlib import Path

    from zaoju.component import Component

PROJECT = "zaoju"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def zaoju_readers() -> list[Component]:  # type: ignore[empty-body]  # pluggy never calls a specification
    """Sources of documents: files, folders, generators."""


@hookspec
def zaoju_cleaners() -> list[Component]:  # type: ignore[empty-body]
    """Rules that change a document or drop it with a reason."""


@hookspec
def zaoju_executors() -> list[Component]:  # type: ignore[empty-body]
    """Places where the corpus is read and cleaned: processes, or the machines of a cluster."""


@hookspec
def zaoju_segmenters() -> list[Component]:  # type: ignore[empty-body]
    """Ways to cut text into words."""


@hookspec
def zaoju_vocabularies() -> list[Component]:  # type: ignore[empty-body]
    """Ways to build a tokenizer from segmented documents."""


@hookspec
def zaoju_initialisers() -> list[Component]:  # type: ignore[empty-body]
    """First weights for tokens that a trained model does not know yet."""


@hookspec
def zaoju_trainers() -> list[Component]:  # type: ignore[empty-body]
    """Ways to make a model from packed tokens."""


@hookspec
def zaoju_trackers() -> list[Component]:  # type: ignore[empty-body]
    """Programs that are told how a training goes, such as TensorBoard."""


@hookspec
def zaoju_runners() -> list[Component]:  # type: ignore[empty-body]
    """Ways to compute logits from a model folder."""


@hookspec
def zaoju_transforms() -> list[Component]:  # type: ignore[empty-body]
    """Pure functions on logits: temperature, top-k, nucleus, penalties."""


@hookspec
def zaoju_selectors() -> list[Component]:  # type: ignore[empty-body]
    """Ways to choose one token from transformed logits."""


@hookspec
def zaoju_strategies() -> list[Component]:  # type: ignore[empty-body]
    """Named presets: a chain of transforms, and a selector or a search."""


@hookspec
def zaoju_searches() -> list[Component]:  # type: ignore[empty-body]
    """Ways to keep several texts at once: beams, contrast, the best of several."""


@hookspec
def zaoju_proposers() -> list[Component]:  # type: ignore[empty-body]
    """Guesses at the next tokens, which the model checks in one pass."""


@hookspec
def zaoju_constraints() -> list[Component]:  # type: ignore[empty-body]
    """Forms that a text must have: a regular expression, a choice, a JSON schema."""


@hookspec
def zaoju_stage_started(stage: str, folder: Path) -> None:
    """A stage of the pipeline begins to work. Not called for a stage that is skipped because nothing changed."""


@hookspec
def zaoju_stage_finished(stage: str, folder: Path, seconds: float) -> None:
    """A stage of the pipeline has left its results in `folder`. Not called when the stage failed or was cancelled."""


@hookspec
def zaoju_train_step(step: int, steps: int, loss: float, learning_rate: float, tokens: int) -> None:
    """An optimiser step is done. `loss` is in nats per token; `tokens` counts all tokens trained on so far."""


@hookspec
def zaoju_held_out_scored(step: int, bits_per_character: float) -> None:
    """Held-out text was scored during training."""


@hookspec
def zaoju_checkpoint_saved(step: int, folder: Path) -> None:
    """A checkpoint is complete on disk, in `folder`."""
