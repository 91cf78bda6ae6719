"""`zaoju vocabulary`: build the tokenizer."""

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
def vocabulary(config: Path | None, overrides: tuple[str, ...], as_json: bool, quiet: bool) -> None:
    """Build the tokenizer."""
    with watching(quiet=quiet) as (on_event, cancel):
        folder = zaoju.vocabulary(config, overrides=overrides, on_event=on_event, cancel=cancel)
    tokenizer = zaoju.Tokenizer.load(folder, zaoju.discover_plugins(config, overrides=overrides))
    if as_json:
        print_json({"folder": str(folder), "tokens": tokenizer.vocabulary_size, "live": tokenizer.live})
    else:
        kind = "needs its segmenter at run time" if tokenizer.live else "portable"
        print_lines([f"{tokenizer.vocabulary_size:,} tokens, {kind}: {folder}"])
