"""Pages for a person: one HTML file each, with tables, bars and plots, that needs no network and no script.

Every name is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zaoju.lazy import lazy_names

if TYPE_CHECKING:
    from zaoju.pages.blocks import (
        Bar,
        Bars,
        Block,
        Example,
        Examples,
        Fact,
        Facts,
        Histogram,
        Line,
        LinePlot,
        Page,
        Paragraph,
        Section,
        Share,
        SideBySide,
        Table,
    )
    from zaoju.pages.page import render, write_page

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "zaoju.pages.blocks": (
            "Bar",
            "Bars",
            "Block",
            "Example",
            "Examples",
            "Fact",
            "Facts",
            "Histogram",
            "Line",
            "LinePlot",
            "Page",
            "Paragraph",
            "Section",
            "Share",
            "SideBySide",
            "Table",
        ),
        "zaoju.pages.page": ("render", "write_page"),
    },
)

__all__ = [
    "Bar",
    "Bars",
    "Block",
    "Example",
    "Examples",
    "Fact",
    "Facts",
    "Histogram",
    "Line",
    "LinePlot",
    "Page",
    "Paragraph",
    "Section",
    "Share",
    "SideBySide",
    "Table",
    "render",
    "write_page",
]
