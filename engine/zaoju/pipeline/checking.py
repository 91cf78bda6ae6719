"""What can be known to be wrong before any corpus is read: the config held against plugins and models."""

from __future__ import annotations

from collections.abc import Sequence

from zaoju import config as configuration
from zaoju.config import CheckedConfig, ConfigSource, Model
from zaoju.errors import ConfigError
from zaoju.models import model_numbers


def check_config(config: ConfigSource = None, *, overrides: Sequence[str] = ()) -> CheckedConfig:
    """Read and check a configuration, its model included. Reads no corpus and imports no model code.

    Raises `ConfigError` or `PluginError` with every mistake, its key and its line; a mistake in `model` is told when
    the rest is right.
    """
    checked = configuration.check_config(config, overrides=overrides)
    check_model(checked.plan.config.model)
    return checked


def check_model(model: Model) -> None:
    """Raise `ConfigError` where the size, the numbers or the folder to train on from cannot be."""
    model_numbers(model.architecture, model.size, model.numbers, model.context)
    if model.init_from is not None and not (model.init_from / "config.json").is_file():
        there = "has no config.json" if model.init_from.is_dir() else "does not exist"
        raise ConfigError(
            f"model.init_from: {model.init_from} {there}; name the folder of a model that zaoju or transformers made"
        )
