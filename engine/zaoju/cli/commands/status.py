"""`zaoju status`: how far a run is."""

from __future__ import annotations

from pathlib import Path

import click

import zaoju
from zaoju.cli.options import with_config, with_json
from zaoju.cli.output import print_json, print_lines, table


@click.command()
@with_config
@with_json
def status(config: Path | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Say which stages are done, and where they lie."""
    stages = zaoju.status(config, overrides=overrides)
    if as_json:
        print_json([{"stage": item.stage, "state": item.state, "folder": str(item.folder)} for item in stages])
    else:
        print_lines(table([(item.stage, item.state, str(item.folder)) for item in stages]))
