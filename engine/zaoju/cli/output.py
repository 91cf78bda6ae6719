"""Results, and only results, go to standard output."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import click

import zaoju


def print_json(value: object) -> None:
    """One JSON value, readable, Chinese as it is."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_lines(lines: Iterable[str]) -> None:
    """Text, line by line."""
    for line in lines:
        click.echo(line)


def print_warnings(plugins: zaoju.PluginManager) -> None:
    """Settings of plugins that matched nothing, on standard error."""
    for warning in plugins.warnings:
        click.echo(f"warning: {warning}", err=True)


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines with aligned columns. A Chinese character is two columns wide on a terminal."""
    from rich.cells import cell_len  # only tables need to know how wide a character is

    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
