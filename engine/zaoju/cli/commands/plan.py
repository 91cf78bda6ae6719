"""`zaoju plan`: what a training needs, on paper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

import zaoju
from zaoju.cli.options import with_config, with_json, with_quiet, with_threads
from zaoju.cli.output import print_json, print_lines, table
from zaoju.cli.process import use_threads
from zaoju.cli.watching import watching

_GB, _TERA = 1e9, 1e12


@click.command()
@click.option("--size", help="A model by name, such as gpt2, 1.3B, 13B or 175B; without it, the configuration's.")
@click.option("--layers", type=click.IntRange(min=1), help="These five change single numbers of the size.")
@click.option("--width", type=click.IntRange(min=1))
@click.option("--heads", type=click.IntRange(min=1))
@click.option("--vocabulary", type=click.IntRange(min=1))
@click.option("--context", type=click.IntRange(min=2))
@click.option("--tokens", help="How much to train on, such as 300B; 20 a parameter where it is not given.")
@click.option("--batch-tokens", help="Tokens of a step; those of the nearest size of GPT-3 where they are not given.")
@click.option("--sequences", type=click.IntRange(min=1), help="How many a device computes with at once.")
@click.option("--precision", help="bf16 (the default), autocast or float32.")
@click.option("--checkpointing", help="none, selective or full; as little as fits where it is not given.")
@click.option(
    "--attention",
    type=click.Choice(["flash", "plain"]),
    default="flash",
    show_default=True,
    help="plain keeps the scores of attention.",
)
@click.option("--dropout", is_flag=True, help="Count the masks of dropout.")
@click.option("--devices", type=click.IntRange(min=1), help="As many as are needed where it is not given.")
@click.option("--device", help="A device by name, such as a100-80gb or h100-80gb.")
@click.option("--device-memory", type=float, help="GB of a device.")
@click.option("--device-flops", help="FLOP/s of a device at its peak, such as 312T.")
@click.option("--mfu", type=float, help="The share of the peak that is reached; 0.4 where it is not given.")
@click.option("--days", type=float, help="Without --devices: how long it may take.")
@click.option("--price", type=float, help="Of a device for an hour, in any currency.")
@click.option("--calibrate", "measure", is_flag=True, help="Time a few steps here, and plan for this machine.")
@click.option("--report", "page", type=click.Path(dir_okay=False, path_type=Path), help="Write an HTML page as well.")
@with_config
@with_threads
@with_json
@with_quiet
def plan(
    measure: bool,
    page: Path | None,
    config: Path | None,
    overrides: tuple[str, ...],
    threads: int | None,
    as_json: bool,
    quiet: bool,
    **options: object,
) -> None:
    """What a training needs: memory, tokens, arithmetic, time and cost.

    On paper, by published formulas, for a model of any size on any number of devices: memory of a device under each
    sharding, and the simplest sharding that fits.
    """
    if measure:
        overrides = use_threads(config, overrides, threads)
        with watching(quiet=quiet) as (on_event, _):
            options["calibration"] = zaoju.calibrate(on_event=on_event)
    found = zaoju.plan_training(config, overrides=overrides, **options)  # type: ignore[arg-type]  # by click's options
    if page is not None:
        zaoju.write_plan_page(page, found)
    if as_json:
        print_json(found.to_json())
    else:
        print_lines(_lines(found))


def _lines(found: zaoju.TrainingPlan) -> Iterator[str]:
    shape, work = found.work.shape, found.work
    yield (
        f"{work.name}: {found.parameters:,} parameters ({shape.layers} layers of {shape.width:,}, {shape.heads} heads, "
        f"vocabulary {shape.vocabulary:,}, context {shape.context:,})"
    )
    yield from table(list(_facts(found)))
    yield ""
    how = f"{work.one.precision.name}, {work.one.sequences} sequence(s) at once"
    yield f"GB of a device, by sharding and checkpointing ({how}):"
    yield from table(_memory_rows(found))


def _facts(found: zaoju.TrainingPlan) -> Iterator[tuple[str, str]]:
    work, cluster = found.work, found.cluster
    chinchilla = " (20 a parameter, Hoffmann et al. 2022)" if work.tokens is None else ""
    yield "tokens", f"{found.tokens:,}{chinchilla}"
    yield (
        "arithmetic",
        f"{found.flops:.3g} FLOPs, 6 N + 12 l h s = {found.flops_per_token:.3g} for a token (PaLM, appendix B)",
    )
    suggested = found.suggestion
    yield (
        "suggested",
        f"{suggested.batch_tokens:,} tokens a step, learning rate {suggested.learning_rate:g} ({suggested.source})",
    )
    yield "steps", f"{found.steps:,} of {found.step_tokens:,} tokens, {found.passes} pass(es) of a device each"
    yield "devices", _devices(found)
    yield "fits", _fit(found)
    if found.seconds is not None:
        share = "as measured" if cluster.rate else f"at {cluster.mfu:.1%} of the peak"
        twice = "" if found.recomputed == 1 else f", {found.recomputed:.2f} times the model's arithmetic"
        waits = "" if found.waiting == 1 else f", {found.waiting:.2f} times for stages that wait"
        yield "time", f"{_days(found.seconds)} {share}{twice}{waits}"
    if found.cost is not None:
        yield "cost", f"{found.cost:,.0f}, at {cluster.price:g} for a device and an hour"
    if found.communication is not None:
        sent = found.communication
        yield (
            "sends",
            f"{sent.data / _GB:,.1f} GB a step and device for the weights, {sent.tensor / _GB:,.1f} inside layers, "
            f"{sent.pipeline / _GB:,.1f} between stages",
        )


def _devices(found: zaoju.TrainingPlan) -> str:
    cluster = found.cluster
    known = [
        f"{cluster.memory / _GB:,.1f} GB" if cluster.memory else "memory not given",
        f"{cluster.flops / _TERA:,.4g} TFLOP/s" if cluster.flops else "" if cluster.rate else "FLOP/s not given",
        cluster.source,
    ]
    asked = "" if cluster.devices else ", the fewest that do"
    name = f" x {cluster.name}" if cluster.name else ""
    return f"{found.devices:,}{name} ({'; '.join(part for part in known if part)}){asked}"


def _fit(found: zaoju.TrainingPlan) -> str:
    if found.chosen is None:
        least = min(found.shardings, key=lambda option: option.memory.total)
        return (
            f"nothing: {least.sharding.name} with {least.sharding.checkpointing} checkpointing takes the least, "
            f"{least.memory.total / _GB:,.1f} GB; add devices or leave --devices out"
        )
    memory, sharding = found.chosen.memory, found.chosen.sharding
    parts = {
        "weights": memory.weights,
        "gradients": memory.gradients,
        "optimiser": memory.optimiser,
        "gathered": memory.gathered,
        "activations": memory.activations,
        "loss": memory.loss,
    }
    listed = ", ".join(f"{name} {value / _GB:,.2f}" for name, value in parts.items() if value)
    unknown = "" if found.chosen.fits else " (where there is room: the memory of a device is not given)"
    return f"{sharding.name}, checkpointing {sharding.checkpointing}: {memory.total / _GB:,.2f} GB ({listed}){unknown}"


def _memory_rows(found: zaoju.TrainingPlan) -> list[list[str]]:
    """A line for each sharding, a column for each kind of checkpointing; `*` marks what fits."""
    kinds = list(dict.fromkeys(option.sharding.checkpointing for option in found.shardings))
    cells: dict[str, list[str]] = {}
    for option in found.shardings:
        mark = "*" if option.fits else ""
        cells.setdefault(option.sharding.name, []).append(f"{option.memory.total / _GB:,.2f}{mark}")
    return [["sharding", *kinds], *([name, *row] for name, row in cells.items())]


def _days(seconds: float) -> str:
    days = seconds / 86400
    return f"{days:,.1f} days" if days >= 1 else f"{seconds / 3600:,.1f} hours" if days > 0.04 else f"{seconds:,.0f} s"
