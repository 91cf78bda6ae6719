"""The configuration: one YAML file, checked before anything is done."""

from zaoju.config.check import check
from zaoju.config.checked import (
    CheckedConfig,
    ConfigSource,
    OpenedDecoding,
    ShownConfig,
    check_config,
    config_schema,
    discover_plugins,
    open_decoding,
    show_config,
)
from zaoju.config.decoding import resolve_decoding
from zaoju.config.describe import ComponentDescription, OptionDescription, describe_component, plugin_listing
from zaoju.config.json_schema import json_schema
from zaoju.config.load import LoadedConfig, load_config
from zaoju.config.plan import DecodingPlan, Plan
from zaoju.config.schema import Choice, Config
from zaoju.config.show import show

__all__ = [
    "CheckedConfig",
    "Choice",
    "ComponentDescription",
    "Config",
    "ConfigSource",
    "DecodingPlan",
    "LoadedConfig",
    "OpenedDecoding",
    "OptionDescription",
    "Plan",
    "ShownConfig",
    "check",
    "check_config",
    "config_schema",
    "describe_component",
    "discover_plugins",
    "json_schema",
    "load_config",
    "open_decoding",
    "plugin_listing",
    "resolve_decoding",
    "show",
    "show_config",
]
