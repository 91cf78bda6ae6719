"""The page that every training ends with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

import zaoju


def write_report(config: Path | None, overrides: Sequence[str]) -> Path | None:
    """Write the page of a training that is finished; its path. None, with a warning, where it cannot be written.

    The model is there all the same, so that is no reason to fail.
    """
    try:
        return zaoju.training_report(config, overrides=tuple(overrides))
    except (OSError, zaoju.UserError) as error:
        click.echo(f"warning: no page about the training was written: {error}", err=True)
        return None
