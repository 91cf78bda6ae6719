"""`zaoju vocabulary`: build the tokenizer, or report on one."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import click

import zaoju
from zaoju.cli.options import with_config, with_json, with_quiet
from zaoju.cli.output import print_json, print_lines, table
from zaoju.cli.watching import watching

_WIDEST_BAR = 40


@click.group(invoke_without_command=True)
@with_config
@with_json
@with_quiet
@click.pass_context
def vocabulary(
    context: click.Context, config: Path | None, overrides: tuple[str, ...], as_json: bool, quiet: bool
) -> None:
    """Build the tokenizer, or report on one."""
    if context.invoked_subcommand is not None:
        return
    with watching(quiet=quiet) as (on_event, cancel):
        folder = zaoju.vocabulary(config, overrides=overrides, on_event=on_event, cancel=cancel)
    tokenizer = zaoju.Tokenizer.load(folder, zaoju.discover_plugins(config, overrides=overrides))
    if as_json:
        print_json({"folder": str(folder), "tokens": tokenizer.vocabulary_size, "live": tokenizer.live})
    else:
        kind = "needs its segmenter at run time" if tokenizer.live else "portable"
        print_lines([f"{tokenizer.vocabulary_size:,} tokens, {kind}: {folder}"])


@vocabulary.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--against", type=click.Path(path_type=Path), help="A second folder, to compare its vocabulary.")
@click.option("--report", "page", type=click.Path(dir_okay=False, path_type=Path), help="Write an HTML page as well.")
@with_config
@with_json
def report(
    model: Path,
    files: tuple[Path, ...],
    against: Path | None,
    page: Path | None,
    config: Path | None,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """What the vocabulary of MODEL does to the texts of FILES.

    Characters per token, tokens that are never used, characters that are written as bytes, the longest and the rarest
    tokens, counts by rank.
    """
    with watching(quiet=False) as (on_event, _):
        found = zaoju.vocabulary_report(
            model, files, against=against, config=config, overrides=overrides, on_event=on_event
        )
    if page is not None:
        zaoju.write_vocabulary_page(page, found)
    if as_json:
        derived = {"characters_per_token": found.characters_per_token, "window_characters": found.window_characters}
        print_json(asdict(found) | derived)
    else:
        print_lines([*_numbers(found), "", *_examples(found), "", *_ranks(found)])


def _numbers(found: zaoju.VocabularyReport) -> Iterable[str]:
    kind = "needs its segmenter at run time" if found.live else "portable"
    rows = [
        ("vocabulary", f"{found.vocabulary_size:,} tokens, {kind}"),
        ("text", f"{found.characters:,} characters, {found.tokens:,} tokens"),
        ("characters per token", f"{found.characters_per_token:.3f}"),
        ("tokens per character", f"{1 / found.characters_per_token:.3f}"),
        ("characters written as bytes", f"{found.byte_characters:.3%}"),
        ("never used here", f"{found.never_used:,} tokens"),
    ]
    if found.window_characters is not None:
        rows.append(("window", f"{found.window:,} tokens, about {found.window_characters:,.0f} characters"))
    if found.overlap is not None:
        other = found.overlap
        rows += [
            (
                "the other vocabulary",
                f"{other.vocabulary_size:,} tokens, {other.characters_per_token:.3f} characters each",
            ),
            ("tokens in both", f"{other.shared:,}, {other.covered:.1%} of this text"),
        ]
    return table(rows)


def _examples(found: zaoju.VocabularyReport) -> Iterable[str]:
    counted = (("most frequent", found.most_frequent), ("rarest", found.rarest))
    rows = [(name, "  ".join(f"{text!r} {count:,}" for text, count in tokens)) for name, tokens in counted]
    rows += [
        (name, "  ".join(map(repr, texts)))
        for name, texts in (("longest", found.longest), ("never used", found.unused))
    ]
    return table(rows)


def _ranks(found: zaoju.VocabularyReport) -> Iterable[str]:
    """Counts by rank; bars grow with the logarithm of the count."""
    highest = math.log(found.zipf[0][1] + 1)
    rows = [
        (f"rank {rank:,}", f"{count:,}", "#" * round(_WIDEST_BAR * math.log(count + 1) / highest))
        for rank, count in found.zipf
    ]
    return table(rows)
