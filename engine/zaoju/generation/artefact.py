"""Which runner reads a model folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from zaoju.contracts import Runner
from zaoju.errors import ArtefactError
from zaoju.generation.lean_runner import LeanRunner
from zaoju.models import GPT2, CausalLM, choose_device, load_model

if TYPE_CHECKING:
    from zaoju.plugins import PluginManager

DESCRIPTION = "zaoju.json"


def runner_over(model: CausalLM) -> Runner:
    """The fastest runner for a model that is already in memory and in evaluation mode."""
    if isinstance(model, GPT2):
        return LeanRunner(model)
    # Deferred: importing transformers' models takes longer than importing torch.
    from zaoju.generation.transformers_runner import TransformersRunner
    from zaoju.models import TransformersLM

    if not isinstance(model, TransformersLM):
        raise ArtefactError(f"no runner of zaoju can compute a {type(model).__name__}; a plugin may bring one")
    return TransformersRunner(model)


def open_runner(folder: Path, device: str, plugins: PluginManager, name: str | None) -> Runner:
    """The runner called `name` over the model in `folder`; without a name the one that the folder asks for, if any.

    Raises `ArtefactError` where the folder cannot be used, and `PluginError` for a runner that is not installed.
    """
    if not folder.is_dir():
        raise ArtefactError(
            f"there is no model folder {folder}: give the folder that training left, or any Hugging Face folder "
            "of a causal language model"
        )
    name = name or _described_runner(folder / DESCRIPTION)
    if name is None:
        return runner_over(load_model(folder, choose_device(device)))
    return plugins.resolve("runner", name).load(Runner).open(folder, device=device)


def _described_runner(description: Path) -> str | None:
    """The runner that a model folder of zaoju names; None where any that reads the model will do."""
    if not description.is_file():
        return None
    try:
        described = json.loads(description.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ArtefactError(f"{description} cannot be read: {error}; copy the folder again") from error
    runner = described.get("runner") if isinstance(described, dict) else None
    return runner if isinstance(runner, str) else None
