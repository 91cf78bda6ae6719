"""`zaoju version`."""

from __future__ import annotations

import platform

import click

import zaoju
from zaoju.cli.options import with_json
from zaoju.cli.output import print_json, print_lines


@click.command()
@with_json
def version(as_json: bool) -> None:
    """Print the version."""
    if as_json:
        print_json({"zaoju": zaoju.__version__, "python": platform.python_version()})
    else:
        print_lines([f"zaoju {zaoju.__version__}, Python {platform.python_version()}"])
