"""`zaoju run`: the whole path."""

from __future__ import annotations

from pathlib import Path

import click

import zaoju
from zaoju.cli.options import with_config, with_inexact, with_json, with_quiet, with_threads
from zaoju.cli.output import print_json, print_lines
from zaoju.cli.process import use_threads
from zaoju.cli.report import write_report
from zaoju.cli.scores import score_lines
from zaoju.cli.watching import watching


@click.command()
@with_config
@with_threads
@with_inexact
@with_json
@with_quiet
def run(
    config: Path | None,
    overrides: tuple[str, ...],
    threads: int | None,
    inexact: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Go the whole path of a configuration.

    Corpus, vocabulary, training, scores, samples. What is unchanged since the last run is skipped; an interrupted
    training goes on. Started by `torchrun` or `accelerate launch`, several processes train together. At the end a page
    about the training is written for a browser: report.html in the run folder.
    """
    overrides = use_threads(config, overrides, threads)
    with watching(quiet=quiet) as (on_event, cancel):
        result = zaoju.run(config, overrides=overrides, on_event=on_event, cancel=cancel, inexact=inexact)
    if not zaoju.is_main_process():
        return
    page = write_report(config, overrides)
    added = {"report": str(page)} if page else {}
    if as_json:
        account = result.account.to_json()
        print_json({"model": str(result.model), "account": account, "scores": result.scores.to_json(), **added})
        return
    print_lines(
        [
            *result.account.lines(),
            "",
            *score_lines(result.scores),
            "",
            f"model: {result.model}",
            *([f"report: {page}"] if page else []),
        ]
    )
