"""`zaoju tokenize`: how a model's tokenizer cuts a text."""

from __future__ import annotations

from pathlib import Path

import click

import zaoju
from zaoju.cli.options import with_config, with_json
from zaoju.cli.output import print_json, print_lines
from zaoju.cli.standard_input import read_standard_input


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("text")
@with_config
@with_json
def tokenize(model: Path, text: str, config: Path | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Cut TEXT into the tokens of MODEL.

    `-` reads standard input.
    """
    text = read_standard_input() if text == "-" else text
    tokens = zaoju.Tokenizer.load(model, zaoju.discover_plugins(config, overrides=overrides)).tokens(text)
    if as_json:
        print_json({"text": text, "tokens": [{"id": token, "text": shown} for token, shown in tokens]})
    else:
        print_lines(["/".join(shown for _, shown in tokens), f"{len(tokens)} tokens, {len(text)} characters"])
