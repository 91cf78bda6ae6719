"""`zaoju config`: check, show, schema."""

from __future__ import annotations

from pathlib import Path

import click

import zaoju
from zaoju.cli.options import with_config, with_json
from zaoju.cli.output import print_json, print_lines, print_warnings


@click.group()
def config() -> None:
    """Check or show a configuration."""


@config.command()
@with_config
@with_json
def check(config: Path | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Say whether the configuration can run. Reads no corpus."""
    checked = zaoju.check_config(config, overrides=overrides)
    print_warnings(checked.plugins)
    if as_json:
        print_json({"valid": True})
    else:
        print_lines([f"{config or 'config.yaml'}: no mistake found"])


@config.command()
@with_config
@with_json
def show(config: Path | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """The whole configuration with every default filled in."""
    shown = zaoju.show_config(config, overrides=overrides)
    if as_json:
        print_json(shown.data)
    else:
        print_lines([shown.yaml.rstrip()])


@config.command()
@with_config
def schema(config: Path | None, overrides: tuple[str, ...]) -> None:
    """The JSON Schema of the configuration, with what is installed. Editors complete by it."""
    print_json(zaoju.config_schema(config, overrides=overrides))
