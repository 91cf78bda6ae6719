"""Turns a page into one HTML file, by Jinja with every text escaped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from zaoju.files import write_text_whole
from zaoju.pages.blocks import Cell, LinePlot, Page, Share
from zaoju.pages.plots import draw

if TYPE_CHECKING:
    from jinja2 import Environment

_TABLE_LINES = 24


def write_page(path: Path, page: Page) -> None:
    """Write the page to `path`, whole or not at all."""
    write_text_whole(path, render(page))


def render(page: Page) -> str:
    """The page as HTML: styles and plots inside, no script, nothing fetched; light or dark as the reader wishes.

    Without matplotlib there are tables in place of the plots, and the command that installs it.
    """
    return _environment().get_template("page.html").render(page=page)


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("zaoju.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = _cell
    environment.filters["classes"] = _classes
    environment.filters["zip"] = partial(zip, strict=True)
    environment.filters["rows"] = lambda plot: list(_rows(plot))
    environment.globals["draw"] = draw
    return environment


def _cell(value: Cell) -> str:
    """A number with its thousands parted and at most four digits that count; text as it is."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, Share):
        return f"{value.of_one:.1%}"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _classes(rows: Sequence[Sequence[Cell]], columns: int) -> list[str]:
    """The class of each column: `number` where it has nothing else."""
    texts = [any(isinstance(row[column], str) for row in rows) for column in range(columns)]
    return ["text" if text or not rows else "number" for text in texts]


def _rows(plot: LinePlot) -> Iterator[tuple[str, float, float]]:
    """Points of each line for the table: all, or some that are spread evenly on the axis."""
    for line in plot.lines:
        count = len(line.xs)
        step = max(1.0, (count - 1) / (_TABLE_LINES - 1))
        if plot.log_x and count > _TABLE_LINES:
            places = [round(count ** (index / (_TABLE_LINES - 1))) - 1 for index in range(_TABLE_LINES)]
        else:
            places = [round(index * step) for index in range(min(count, _TABLE_LINES))]
        for place in dict.fromkeys(places):
            yield line.name, line.xs[place], line.ys[place]
