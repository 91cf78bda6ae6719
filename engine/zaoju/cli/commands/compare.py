"""`zaoju compare`: finished runs side by side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

import zaoju
from zaoju.cli.options import with_json
from zaoju.cli.output import print_json, print_lines, table


@click.command()
@click.argument("runs", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--report", "page", type=click.Path(dir_okay=False, path_type=Path), help="Write an HTML page as well.")
@with_json
def compare(runs: tuple[Path, ...], page: Path | None, as_json: bool) -> None:
    """Compare the finished models of RUNS, the best one first.

    Whatever trained them, and whatever their vocabularies: bits per character of the held-out text, characters per
    token, weights, time of training, and the text that each writes after one prompt.
    """
    found = zaoju.compare(runs)
    if page is not None:
        zaoju.write_comparison_page(page, found)
    for warning in found.warnings:
        click.echo(f"warning: {warning}", err=True)
    if as_json:
        print_json(found.to_json())
    else:
        print_lines([*_numbers(found), *_texts(found)])


def _numbers(found: zaoju.Comparison) -> list[str]:
    headings = ("run", "bits/char", "chars/token", "weights", "training", "trainer", "model", "segmenter", "vocabulary")
    rows = [
        (
            run.name,
            f"{run.bits_per_character:.3f}",
            f"{run.characters_per_token:.3f}",
            "-" if run.parameters is None else f"{run.parameters:,}",
            "-" if run.training_seconds is None else f"{run.training_seconds:,.1f} s",
            run.trainer,
            run.architecture or "-",
            run.segmenter or "-",
            run.vocabulary,
        )
        for run in found.runs
    ]
    return table([headings, *rows])


def _texts(found: zaoju.Comparison) -> Iterator[str]:
    """One text of each, after the same prompt by the same strategy."""
    rows = [
        (f"  {run.name}", f"{run.sample.prompt}│{' '.join(run.sample.text.split())}")
        for run in found.runs
        if run.sample is not None
    ]
    if rows:
        yield ""
        yield next(run.sample.strategy for run in found.runs if run.sample is not None)
        yield from table(rows)
