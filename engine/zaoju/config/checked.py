"""A configuration with the plugins that it asks for: read, discovered, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zaoju.config.checks import check, check_runner, check_segmenter
from zaoju.config.decoding import plan_decoding
from zaoju.config.faults import FaultsError, tell
from zaoju.config.load import LoadedConfig, load_config
from zaoju.config.paths import absolute_path
from zaoju.config.plan import DecodingPlan, Plan
from zaoju.config.schema_of_config import json_schema
from zaoju.config.yaml_text import effective_values, show
from zaoju.errors import ConfigError
from zaoju.plugins import PluginManager, PluginSettings, ResolvedComponent

DEFAULT_CONFIG = Path("config.yaml")

ConfigSource = Path | str | Mapping[str, object] | None
"""A YAML file, a mapping with the same keys, or None for `config.yaml` in the current folder."""


@dataclass(frozen=True, slots=True)
class CheckedConfig:
    """A configuration that can run, and the plugins that it was checked with."""

    plan: Plan
    plugins: PluginManager


@dataclass(frozen=True, slots=True)
class OpenedDecoding:
    """The decoding of a configuration, for writing with a model that is there already."""

    decoding: DecodingPlan
    plugins: PluginManager
    run: Path
    """The run folder of the configuration."""

    device: str

    runner: ResolvedComponent | None
    """Who computes with the model; None leaves it to the model's folder."""


def check_config(config: ConfigSource = None, *, overrides: Sequence[str] = ()) -> CheckedConfig:
    """Read and check a configuration. Reads no corpus and imports no model code.

    Raises `ConfigError` or `PluginError` with every mistake, its key and its line.
    """
    loaded = _load(config, overrides)
    plugins = _discover(loaded)
    return CheckedConfig(check(loaded, plugins), plugins)


def discover_plugins(config: ConfigSource = None, *, overrides: Sequence[str] = ()) -> PluginManager:
    """The installed plugins, under the `plugins` section of a configuration.

    Where `config` is None and there is no `config.yaml`, nothing is blocked and nothing preferred.
    """
    if config is None and not overrides and not DEFAULT_CONFIG.exists():
        return PluginManager.discover()
    return _discover(_load_if_there(config, overrides))


def open_decoding(config: ConfigSource = None, *, overrides: Sequence[str] = ()) -> OpenedDecoding:
    """The decoding of a configuration. What only training needs is not looked at, so it may be missing here.

    Where `config` is None and there is no `config.yaml`, the defaults stand. Raises what `check_config` raises.
    """
    loaded = _load_if_there(config, overrides)
    plugins = _discover(loaded)
    try:
        decoding = plan_decoding(plugins, loaded.config.decoding, loaded.folder)
    except FaultsError as error:
        raise ConfigError(tell([fault.below(("decoding",)) for fault in error.faults], loaded.locate)) from None
    run = absolute_path(loaded.config.run, loaded.folder)
    return OpenedDecoding(decoding, plugins, run, loaded.config.device, check_runner(loaded, plugins))


def configured_threads(config: ConfigSource = None, *, overrides: Sequence[str] = ()) -> int:
    """How many threads a configuration asks for; 0 leaves it to whoever asks. Looks for no plugins.

    Where `config` is None and there is no `config.yaml`, the default stands. Raises `ConfigError`.
    """
    return _load_if_there(config, overrides).config.threads


def open_segmenter(config: ConfigSource = None, *, overrides: Sequence[str] = ()) -> ResolvedComponent:
    """The segmenter of a configuration, to cut a text by it. What else the configuration says is not looked at.

    Where `config` is None and there is no `config.yaml`, the defaults stand. Raises what `check_config` raises.
    """
    loaded = _load_if_there(config, overrides)
    return check_segmenter(loaded, _discover(loaded))


@dataclass(frozen=True, slots=True)
class ShownConfig:
    """The effective configuration: every default filled in, every path absolute."""

    data: Mapping[str, object]
    yaml: str


def show_config(config: ConfigSource = None, *, overrides: Sequence[str] = ()) -> ShownConfig:
    """The whole configuration as it acts. Raises what `check_config` raises."""
    plan = check_config(config, overrides=overrides).plan
    return ShownConfig(effective_values(plan), show(plan))


def config_schema(config: ConfigSource = None, *, overrides: Sequence[str] = ()) -> dict[str, object]:
    """The JSON Schema (2020-12) of the configuration with what is installed, for editors."""
    return json_schema(discover_plugins(config, overrides=overrides))


def _load_if_there(config: ConfigSource, overrides: Sequence[str]) -> LoadedConfig:
    if config is None and not DEFAULT_CONFIG.exists():
        return _load({}, overrides)
    return _load(config, overrides)


def _load(config: ConfigSource, overrides: Sequence[str]) -> LoadedConfig:
    if isinstance(config, Mapping):
        return load_config(None, overrides, data=config)
    return load_config(DEFAULT_CONFIG if config is None else Path(config), overrides)


def _discover(loaded: LoadedConfig) -> PluginManager:
    chosen = loaded.config.plugins
    return PluginManager.discover(
        PluginSettings(block=tuple(chosen.block), only=tuple(chosen.only), prefer=dict(chosen.prefer))
    )
