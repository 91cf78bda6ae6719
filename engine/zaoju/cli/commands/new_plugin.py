"""`zaoju new-plugin`: a package of your own whose tests pass at once."""

from __future__ import annotations

from pathlib import Path

import click

import zaoju
from zaoju.cli.options import with_json
from zaoju.cli.output import print_json, print_lines


@click.command("new-plugin")
@click.argument("kind")
@click.argument("name")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Where the package's folder is made; here by default.",
)
@with_json
def new_plugin(kind: str, name: str, folder: Path, as_json: bool) -> None:
    """Write the package zaoju-NAME with an example of KIND.

    KIND: segmenter, vocabulary, reader, cleaner, transform (or decoder, strategy), selector, search, proposer,
    constraint, runner, tracker.
    """
    written = zaoju.new_plugin(kind, name, folder)
    if as_json:
        print_json({"folder": str(written.folder), "kind": written.kind, "component": written.component})
        return
    print_lines(
        [
            f"wrote {written.folder}, which offers the {written.kind} {written.component!r}",
            "",
            f"next: cd {written.folder} && pip install -e '.[test]' && pytest",
        ]
    )
