"""`zaoju train`: train the model."""

from __future__ import annotations

from pathlib import Path

import click

import zaoju
from zaoju.cli.options import with_config, with_inexact, with_json, with_quiet, with_threads
from zaoju.cli.output import print_json, print_lines
from zaoju.cli.process import use_threads
from zaoju.cli.report import write_report
from zaoju.cli.watching import watching


@click.command()
@with_config
@with_threads
@with_inexact
@with_json
@with_quiet
def train(
    config: Path | None,
    overrides: tuple[str, ...],
    threads: int | None,
    inexact: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train the model, or go on training it.

    Started by `torchrun` or `accelerate launch`, several processes train together.

    At the end a page about the training is written for a browser: report.html in the run folder.
    """
    overrides = use_threads(config, overrides, threads)
    with watching(quiet=quiet) as (on_event, cancel):
        folder = zaoju.train(config, overrides=overrides, on_event=on_event, cancel=cancel, inexact=inexact)
    if not zaoju.is_main_process():
        return
    page = write_report(config, overrides)
    added = {"report": str(page)} if page else {}
    if as_json:
        print_json({"model": str(folder), **added})
    else:
        print_lines([f"model: {folder}", *([f"report: {page}"] if page else [])])
