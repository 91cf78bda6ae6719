"""`zaoju status`: how far a run is."""

from __future__ import annotations

from pathlib import Path

import click

import zaoju
from zaoju.cli.options import with_config, with_json
from zaoju.cli.output import print_json, print_lines, table


@click.command()
@with_config
@click.option("--report", is_flag=True, help="Write a page about the training so far into the run folder: report.html.")
@with_json
def status(config: Path | None, overrides: tuple[str, ...], report: bool, as_json: bool) -> None:
    """Say which stages are done, and where they lie.

    With --report also how the training goes, while it runs or after it was stopped. A training that ends writes the
    same page by itself.
    """
    stages = zaoju.status(config, overrides=overrides)
    page = zaoju.training_report(config, overrides=overrides) if report else None
    if as_json:
        print_json([{"stage": item.stage, "state": item.state, "folder": str(item.folder)} for item in stages])
    else:
        lines = table([(item.stage, item.state, str(item.folder)) for item in stages])
        print_lines([*lines, *([f"report: {page}"] if page else [])])
