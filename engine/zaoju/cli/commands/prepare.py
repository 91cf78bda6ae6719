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
@with_json
@with_quiet
def prepare(config: Path | None, overrides: tuple[str, ...], as_json: bool, quiet: bool) -> None:
    """Clean the corpus and print its account."""
    with watching(quiet=quiet) as (on_event, cancel):
        account = zaoju.prepare(config, overrides=overrides, on_event=on_event, cancel=cancel)
    if as_json:
        print_json(account.to_json())
    else:
        print_lines(account.lines())
