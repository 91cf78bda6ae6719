"""`zaoju evaluate`: bits per character."""

from __future__ import annotations

from pathlib import Path

import click

import zaoju
from zaoju.cli.options import with_config, with_json, with_quiet, with_threads
from zaoju.cli.output import print_json, print_lines
from zaoju.cli.process import use_threads
from zaoju.cli.scores import held_out_line, score_lines
from zaoju.cli.watching import watching


@click.command()
@click.argument("model", type=click.Path(path_type=Path), required=False)
@click.argument("files", type=click.Path(path_type=Path), nargs=-1)
@with_config
@with_threads
@with_json
@with_quiet
def evaluate(
    model: Path | None,
    files: tuple[Path, ...],
    config: Path | None,
    overrides: tuple[str, ...],
    threads: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure bits per character.

    Of MODEL on FILES, such as text, JSON lines and folders of them. Without arguments it is the evaluation stage of the
    configuration: the held-out documents, and sample texts.
    """
    if model is not None and not files:
        raise click.UsageError(f"name the files to score {model} on, or name nothing for the configuration's own model")
    overrides = use_threads(config, overrides, threads)
    with watching(quiet=quiet) as (on_event, cancel):
        if model is None:
            scores = zaoju.evaluate(config, overrides=overrides, on_event=on_event, cancel=cancel)
            result, lines = scores.to_json(), score_lines(scores)
        else:
            score = zaoju.evaluate_files(
                model, files, config=config, overrides=overrides, on_event=on_event, cancel=cancel
            )
            result, lines = score.to_json(), [held_out_line(score)]
    if as_json:
        print_json(result)
    else:
        print_lines(lines)
