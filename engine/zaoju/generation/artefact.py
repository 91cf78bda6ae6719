"""Which runner reads a model folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from zaoju.config import resolve_choice
from zaoju.contracts import OpenModel, Runner
from zaoju.errors import ArtefactError
from zaoju.generation.description import ARTEFACT_FORMAT, read_description
from zaoju.generation.lean_options import LeanRunnerOptions
from zaoju.generation.lean_runner import LeanRunner
from zaoju.generation.token_table import TokenizerTable
from zaoju.models import CausalLM, LeanLM, choose_device, load_model
from zaoju.plugins import ResolvedComponent
from zaoju.tokenization import Tokenizer

if TYPE_CHECKING:
    from zaoju.plugins import PluginManager

RunnerChoice: TypeAlias = str | Mapping[str, object] | ResolvedComponent
"""A runner by its name, by `{"name": ..., options}`, or as a configuration chose it."""


def runner_over(model: CausalLM) -> Runner:
    """The fastest runner for a model that is already in memory and in evaluation mode; the model stays as it is."""
    if isinstance(model, LeanLM):
        return LeanRunner(model)
    # Deferred: importing transformers' models takes longer than importing torch.
    from zaoju.generation.transformers_runner import TransformersRunner
    from zaoju.models import TransformersLM

    if not isinstance(model, TransformersLM):
        raise ArtefactError(f"no runner of zaoju can compute a {type(model).__name__}; a plugin may bring one")
    return TransformersRunner(model)


def open_runner(folder: Path, device: str, plugins: PluginManager, choice: RunnerChoice | None = None) -> Runner:
    """The chosen runner over the model in `folder`; without a choice the one that the folder asks for, if any.

    Raises `ArtefactError` where the folder cannot be used, `PluginError` for a runner that is not installed, and
    `ConfigError` for options that it does not have.
    """
    if not folder.is_dir():
        raise ArtefactError(
            f"there is no model folder {folder}: give the folder that training left, or any Hugging Face folder "
            "of a causal language model"
        )
    described = read_description(folder)
    if described.get("format", ARTEFACT_FORMAT) != ARTEFACT_FORMAT:
        raise ArtefactError(
            f"{folder} has format {described['format']!r}, and this zaoju reads {ARTEFACT_FORMAT}: "
            "use the version of zaoju that made it, or a newer one"
        )
    choice = choice or _text(described.get("runner"))
    if choice is None:
        model = load_model(folder, choose_device(device))
        return LeanRunner.taking_over(model, LeanRunnerOptions()) if isinstance(model, LeanLM) else runner_over(model)
    chosen = choice if isinstance(choice, ResolvedComponent) else resolve_choice(plugins, "runner", choice)
    return chosen.load(Runner).open(folder, device=device, options=chosen.option_values())


def open_model(folder: Path, *, device: str, plugins: PluginManager) -> OpenModel:
    """The model in `folder` with its tokens; raises what `open_runner` and `Tokenizer.load` raise."""
    # First the model: where there is no such folder, it says so best.
    runner = open_runner(folder, device, plugins)
    tokenizer = Tokenizer.load(folder, plugins)
    return OpenModel(runner, TokenizerTable(tokenizer, min(runner.vocabulary_size, tokenizer.vocabulary_size)))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
