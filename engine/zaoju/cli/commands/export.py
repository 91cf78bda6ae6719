"""`zaoju export`: a plain Hugging Face folder."""

from __future__ import annotations

from pathlib import Path

import click

import zaoju
from zaoju.cli.options import with_config, with_json
from zaoju.cli.output import print_json, print_lines
from zaoju.cli.process import use_threads


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("folder", type=click.Path(path_type=Path))
@with_config
@with_json
def export(model: Path, folder: Path, config: Path | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Copy MODEL to FOLDER for other programs.

    The copy is a plain Hugging Face folder for transformers, vLLM and others, and is checked with transformers.
    """
    overrides = use_threads(config, overrides, None)
    exported = zaoju.export(model, folder, zaoju.discover_plugins(config, overrides=overrides))
    if as_json:
        print_json({"folder": str(exported.folder), "largest_difference": exported.largest_difference})
    else:
        print_lines([f"{exported.folder}: loads in transformers; largest difference {exported.largest_difference:.1e}"])
