"""`zaoju generate`: write with a model."""

from __future__ import annotations

from pathlib import Path

import click

import zaoju
from zaoju.cli.options import with_config, with_json, with_quiet, with_threads
from zaoju.cli.output import print_json, print_lines
from zaoju.cli.process import loading, use_threads
from zaoju.cli.standard_input import read_standard_input
from zaoju.cli.watching import watching


@click.command()
@click.argument("model", type=click.Path(path_type=Path), required=False)
@click.option("--prompt", "prompts", multiple=True, help="A text to continue; may be empty. Repeatable.")
@click.option(
    "--prompts", "file", type=click.Path(path_type=Path, allow_dash=True), help="One prompt a line; - is stdin."
)
@click.option("--chat", is_flag=True, help="Prompts are what a user says; the model answers them.")
@click.option("--strategy", help="A decoding strategy by name: greedy, top_k, nucleus, ...")
@click.option("--seed", type=click.IntRange(min=0), help="The first text's seed; those of the others follow from it.")
@click.option("--n", "count", type=click.IntRange(min=1), default=1, show_default=True, help="Texts per prompt.")
@click.option("--max-new-tokens", type=click.IntRange(min=1), help="The most tokens a text may get.")
@click.option("--stream", is_flag=True, help="Print each text while it is written.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the results to a file instead.")
@with_config
@with_threads
@with_json
@with_quiet
def generate(
    model: Path | None,
    prompts: tuple[str, ...],
    file: Path | None,
    chat: bool,
    strategy: str | None,
    seed: int | None,
    count: int,
    max_new_tokens: int | None,
    stream: bool,
    output: Path | None,
    config: Path | None,
    overrides: tuple[str, ...],
    threads: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Continue prompts.

    With MODEL, or with the model of the configuration's run. With --chat they are answered, each on the line below.
    """
    if stream and (as_json or output is not None):
        raise click.UsageError("--stream prints text while it is written; leave out --json and --output")
    chosen = [*prompts, *(_read_prompts(file) if file is not None else [])]
    if not chosen:
        raise click.UsageError("nothing to continue: give --prompt TEXT or --prompts FILE")
    if output is not None and not output.absolute().parent.is_dir():
        raise zaoju.UserError(f"--output {output}: the folder {output.parent} does not exist; make it first")
    overrides = use_threads(config, overrides, threads)
    with loading():
        writer = zaoju.open_writer(
            model,
            config=config,
            overrides=overrides,
            strategy=strategy,
            seed=seed,
            max_new_tokens=max_new_tokens,
            chat=chat,
        )
    between = "\n" if chat else ""
    if stream:
        _stream(writer, chosen, count, between)
        return
    with watching(quiet=quiet) as (on_event, cancel):
        texts = writer.write(chosen, count=count, on_event=on_event, cancel=cancel)
    if output is not None:
        zaoju.save_texts(texts, output)
    elif as_json:
        print_json([text.to_json() for text in texts])
    else:
        print_lines(f"{text.prompt}{between}{text.text}" for text in texts)


def _stream(writer: zaoju.Writer, prompts: list[str], count: int, between: str) -> None:
    for prompt in prompts:
        for chunks in writer.stream(prompt, count=count):
            click.echo(f"{prompt}{between}", nl=False)
            for chunk in chunks:
                click.echo(chunk.text, nl=False)
            click.echo()


def _read_prompts(file: Path) -> list[str]:
    """The lines of a file or of standard input that are not blank."""
    if str(file) == "-":
        return [line for line in read_standard_input().splitlines() if line.strip()]
    return zaoju.read_prompts(file)
