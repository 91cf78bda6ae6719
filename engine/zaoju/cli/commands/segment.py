"""`zaoju segment`: how a segmenter cuts a text."""

from __future__ import annotations

from pathlib import Path

import click

import zaoju
from zaoju.cli.options import with_config, with_json
from zaoju.cli.output import print_json, print_lines
from zaoju.cli.standard_input import read_standard_input


@click.command()
@click.argument("text")
@click.option("--segmenter", help="A segmenter by name; the configuration's own where it is not given.")
@with_config
@with_json
def segment(text: str, segmenter: str | None, config: Path | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Cut TEXT into words.

    `-` reads standard input.
    """
    text = read_standard_input() if text == "-" else text
    pieces = zaoju.segment(text, segmenter=segmenter, config=config, overrides=overrides)
    if as_json:
        print_json({"text": text, "pieces": pieces})
    else:
        print_lines(["/".join(pieces)])
