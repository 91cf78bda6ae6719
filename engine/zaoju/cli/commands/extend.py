"""`zaoju extend`: a pretrained model that learns new words."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

import zaoju
from zaoju.cli.options import with_config, with_json, with_quiet, with_threads
from zaoju.cli.output import print_json, print_lines
from zaoju.cli.process import use_threads
from zaoju.cli.watching import watching

_SHOWN = 10


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--to", required=True, type=click.Path(path_type=Path), help="The new folder.")
@click.option("--words", type=click.Path(path_type=Path, dir_okay=False), help="The new words: a file, one a line.")
@click.option(
    "--corpus",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Learn the new tokens from text files, JSON-lines files or folders; with --words only the initialiser does. "
    "Repeatable.",
)
@click.option("--size", type=click.IntRange(min=1), help="How many tokens are added at most.")
@click.option("--initialiser", default="mean_of_parts", show_default=True, help="Gives new tokens their first weights.")
@click.option("--segmenter", help="Cuts the corpus; the configuration's own where it is not given.")
@click.option(
    "--multiple", type=click.IntRange(min=1), default=64, show_default=True, help="Rows are padded to a multiple of it."
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of the initialiser.")
@with_config
@with_threads
@with_json
@with_quiet
def extend(
    model: Path,
    to: Path,
    words: Path | None,
    corpus: tuple[Path, ...],
    size: int | None,
    initialiser: str,
    segmenter: str | None,
    multiple: int,
    seed: int,
    config: Path | None,
    overrides: tuple[str, ...],
    threads: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Add tokens to the pretrained MODEL.

    The tokens are those of --words, or are learned from --corpus, or from what the configuration trains on. Train on
    with `model: {init_from: FOLDER}`.
    """
    overrides = use_threads(config, overrides, threads)
    with watching(quiet=quiet) as (on_event, cancel):
        extended = zaoju.extend(
            model,
            to,
            words=words,
            corpus=corpus or None,
            size=size,
            initialiser=initialiser,
            segmenter=segmenter,
            multiple=multiple,
            seed=seed,
            config=config,
            overrides=overrides,
            on_event=on_event,
            cancel=cancel,
        )
    if as_json:
        print_json({**asdict(extended), "folder": str(extended.folder)})
    else:
        print_lines(_report(extended))


def _report(extended: zaoju.Extended) -> list[str]:
    lines = [
        f"{extended.folder}: {extended.tokens_before:,} tokens and {extended.tokens_added:,} new ones, "
        f"{extended.rows:,} rows",
        f"characters per token: {extended.characters_per_token_before:.2f} before, "
        f"{extended.characters_per_token:.2f} now",
    ]
    if extended.bytes_added:
        lines.append(f"{extended.bytes_added} bytes had no token, so some text was lost; they have one now")
    if extended.words_added or extended.words_known or extended.words_unreachable:
        steps = extended.tokens_added - extended.bytes_added - len(extended.words_added)
        lines.append(
            f"words: {len(extended.words_added):,} added, {len(extended.words_known):,} known before, "
            f"{len(extended.words_unreachable):,} cannot be reached; {steps:,} tokens more lead to them"
        )
    lines += [f"  {word.word}: {word.reason}" for word in extended.words_unreachable[:_SHOWN]]
    if len(extended.words_unreachable) > _SHOWN:
        lines.append(f"  ... and {len(extended.words_unreachable) - _SHOWN:,} more; --json names them all")
    return lines
