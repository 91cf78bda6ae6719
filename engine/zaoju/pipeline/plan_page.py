"""A plan as one HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zaoju.pages import Bar, Bars, Fact, Facts, Page, Section, Table, write_page
from zaoju.planning import RESERVE, ShardedMemory, TrainingPlan

_GB = 1e9


def write_plan_page(path: Path | str, found: TrainingPlan) -> None:
    """Write the page of a plan to `path`, whole or not at all: the sums, and the memory under each sharding."""
    shape, cluster = found.work.shape, found.cluster
    facts = [
        Fact("parameters", found.parameters, f"{shape.layers} layers of {shape.width:,}"),
        Fact("tokens", found.tokens, "as given" if found.work.tokens else "20 a parameter"),
        Fact("FLOPs", f"{found.flops:.3g}", "6 N + 12 l h s for a token"),
        Fact("devices", found.devices, cluster.name or "as described"),
    ]
    if found.seconds is not None:
        facts.append(
            Fact("days", round(found.seconds / 86400, 2), "as measured" if cluster.rate else f"MFU {cluster.mfu:.2f}")
        )
    if found.cost is not None:
        facts.append(Fact("cost", round(found.cost), f"{cluster.price:g} for a device and an hour"))
    bars = [
        Bar(
            f"{option.sharding.name}, {option.sharding.checkpointing}",
            option.memory.total,
            (round(option.memory.total / _GB, 2), {True: "yes", False: "no", None: "-"}[option.fits]),
        )
        for option in found.shardings
    ]
    parts = ("weights", "gradients", "optimiser", "gathered", "activations", "loss")
    rows = [_parts(option, parts) for option in found.shardings]
    sections = [
        Section("Memory of a device", [Bars(["sharding, checkpointing", "GB", "fits"], bars)]),
        Section("Its parts, in GB", [Table(["sharding, checkpointing", *parts], rows)]),
    ]
    write_page(Path(path), Page(f"Plan for {found.work.name}", _summary(found), sections, [Facts(facts)]))


def _parts(option: ShardedMemory, parts: Sequence[str]) -> list[str | float]:
    """A line of the table: the sharding, and its parts in GB."""
    name = f"{option.sharding.name}, {option.sharding.checkpointing}"
    return [name, *(round(float(getattr(option.memory, part)) / _GB, 2) for part in parts)]


def _summary(found: TrainingPlan) -> str:
    if found.chosen is None:
        return f"No sharding fits {found.devices:,} devices with {RESERVE:.0%} of their memory left free."
    sharding = found.chosen.sharding
    return (
        f"{sharding.name} with checkpointing {sharding.checkpointing} is the simplest sharding that is planned for: "
        f"{found.chosen.memory.total / _GB:,.2f} GB on each device."
    )
