"""Lines over axes as inline SVG, by matplotlib.

Numbers stay text, in the fonts of the page; colours are those of the page, so that a plot is light or dark with it. No
word reaches matplotlib, which would need the fonts of its language: names of lines and axes stand around it, in HTML.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zaoju.pages.blocks import LinePlot

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes

_WIDE, _NARROW = (7.6, 3.6), (3.7, 3.2)
_INK = "#0a0b0c"
_SERIES = tuple(f"#0a0b1{number}" for number in range(6))
_SETTINGS: Mapping[Any, object] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "zaoju",
    "font.size": 10,
    "axes.edgecolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "grid.color": _INK,
    "grid.alpha": 0.15,
}
_FEW_POINTS = 12
_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def draw(plot: LinePlot, *, narrow: bool) -> Markup | None:
    """The lines as an SVG element for a wide or a narrow place; None where matplotlib is not installed."""
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError:
        return None
    from markupsafe import Markup

    with rc_context(dict(_SETTINGS)):
        figure = Figure(figsize=_NARROW if narrow else _WIDE, layout="constrained")
        FigureCanvasSVG(figure)
        figure.patch.set_alpha(0)
        _draw_axes(figure.add_subplot(), plot)
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return Markup(_for_a_page(written.getvalue()))  # only matplotlib wrote this, and from numbers only


def _draw_axes(axes: Axes, plot: LinePlot) -> None:
    axes.patch.set_alpha(0)
    for number, line in enumerate(plot.lines):
        style = "--" if line.dashed else "-"
        marker = "o" if len(line.xs) <= _FEW_POINTS and not line.dashed else ""  # a line of one point would not be seen
        colour = _SERIES[number % len(_SERIES)]
        axes.plot(line.xs, line.ys, style, color=colour, linewidth=1.8, marker=marker, markersize=5)
    if plot.log_x:
        axes.set_xscale("log")
    if plot.log_y:
        axes.set_yscale("log")
    if plot.from_zero:
        axes.set_ylim(bottom=0)
    axes.xaxis.set_major_formatter(_short)
    axes.yaxis.set_major_formatter(_short)
    axes.grid(visible=True)
    axes.spines[["top", "right"]].set_visible(False)


def _short(value: float, _place: float) -> str:
    """A number on an axis: `250`, `10 k`, `3 M`."""
    for size, name in _PREFIXES:
        if abs(value) >= size:
            return f"{value / size:g} {name}"
    return f"{value:g}"


def _for_a_page(svg: str) -> str:
    """The element alone: it scales with the page, names nothing twice, and takes its colours."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r'^<svg ([^>]*?)width="[^"]*"', r"<svg \1", svg, count=1)
    svg = re.sub(r'^<svg ([^>]*?)height="[^"]*"', r'<svg aria-hidden="true" \1', svg, count=1)
    for number, colour in enumerate(_SERIES, start=1):
        svg = svg.replace(colour, f"var(--series-{number})")
    return svg.replace(_INK, "currentColor")
