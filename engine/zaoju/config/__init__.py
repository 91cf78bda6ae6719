"""The configuration: one YAML file, checked before anything is done.

Every name is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zaoju.lazy import lazy_names

if TYPE_CHECKING:
    from zaoju.config.checked import (
        CheckedConfig,
        ConfigSource,
        OpenedDecoding,
        ShownConfig,
        check_config,
        config_schema,
        configured_threads,
        discover_plugins,
        open_decoding,
        open_segmenter,
        show_config,
    )
    from zaoju.config.checks import check, resolve_choice
    from zaoju.config.decoding import resolve_decoding
    from zaoju.config.describe import ComponentDescription, OptionDescription, describe_component, plugin_listing
    from zaoju.config.load import LoadedConfig, load_config
    from zaoju.config.plan import DecodingPlan, Plan
    from zaoju.config.schema import Choice, Config, Model, NearDuplicates
    from zaoju.config.schema_of_config import json_schema
    from zaoju.config.yaml_text import show

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "zaoju.config.checks": ("check", "resolve_choice"),
        "zaoju.config.checked": (
            "CheckedConfig",
            "ConfigSource",
            "OpenedDecoding",
            "ShownConfig",
            "check_config",
            "config_schema",
            "configured_threads",
            "discover_plugins",
            "open_decoding",
            "open_segmenter",
            "show_config",
        ),
        "zaoju.config.decoding": ("resolve_decoding",),
        "zaoju.config.describe": ("ComponentDescription", "OptionDescription", "describe_component", "plugin_listing"),
        "zaoju.config.schema_of_config": ("json_schema",),
        "zaoju.config.load": ("LoadedConfig", "load_config"),
        "zaoju.config.plan": ("DecodingPlan", "Plan"),
        "zaoju.config.schema": ("Choice", "Config", "Model", "NearDuplicates"),
        "zaoju.config.yaml_text": ("show",),
    },
)

__all__ = [
    "CheckedConfig",
    "Choice",
    "ComponentDescription",
    "Config",
    "ConfigSource",
    "DecodingPlan",
    "LoadedConfig",
    "Model",
    "NearDuplicates",
    "OpenedDecoding",
    "OptionDescription",
    "Plan",
    "ShownConfig",
    "check",
    "check_config",
    "config_schema",
    "configured_threads",
    "describe_component",
    "discover_plugins",
    "json_schema",
    "load_config",
    "open_decoding",
    "open_segmenter",
    "plugin_listing",
    "resolve_choice",
    "resolve_decoding",
    "show",
    "show_config",
]
