"""`zaoju prepare`: the corpus stage."""

from __future__ import annotations

from pathlib import Path

import click

import zaoju
from zaoju.cli.options import with_config, with_json, with_quiet
from zaoju.cli.output import print_json, print_lines
from zaoju.cli.watching import watching


@click.command()
@with_config
@click.option("--report", is_flag=True, help="Write a page about the corpus beside it, for a browser: report.html.")
@with_json
@with_quiet
def prepare(config: Path | None, overrides: tuple[str, ...], report: bool, as_json: bool, quiet: bool) -> None:
    """Clean the corpus and print its account."""
    with watching(quiet=quiet) as (on_event, cancel):
        pipeline = zaoju.open_pipeline(config, overrides=overrides, on_event=on_event, cancel=cancel)
        account = pipeline.account()
        page = pipeline.corpus_report() if report else None
    if as_json:
        print_json({**account.to_json(), **({"report": str(page)} if page else {})})
    else:
        print_lines([*account.lines(), *([f"report: {page}"] if page else [])])
