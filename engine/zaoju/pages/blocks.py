"""What a page is made of: plain values. Every text in them is shown as it is; none of it is ever read as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole, shown in percent."""

    of_one: float
    """From 0 to 1."""


Cell: TypeAlias = str | int | float | Share | None
"""Text, or a number that stands at the right with its thousands parted; None where there is none."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Some sentences."""

    kind: ClassVar[str] = "paragraph"
    text: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One number that sums something up."""

    name: str
    value: Cell
    note: str = ""
    """A few words below it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The numbers to see first, in a row."""

    kind: ClassVar[str] = "facts"
    facts: Sequence[Fact]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows below headings."""

    kind: ClassVar[str] = "table"
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of `Bars`."""

    name: str
    value: float
    cells: Sequence[Cell]
    """The value as it is to be read, and whatever else belongs to the line."""


@dataclass(frozen=True, slots=True)
class Bars:
    """A table each of whose lines has a bar, as long as its value is great beside the greatest."""

    kind: ClassVar[str] = "bars"
    headings: Sequence[str]
    """Above the name and above each of the cells."""
    bars: Sequence[Bar]

    def share(self, bar: Bar) -> float:
        """The length of a bar, in percent of the longest."""
        most = max(one.value for one in self.bars)
        return 100 * max(bar.value, 0) / most if most > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Histogram:
    """Columns side by side, and the same numbers as a table to unfold."""

    kind: ClassVar[str] = "histogram"
    title: str
    """What is counted, in a sentence: it is read aloud instead of the columns."""
    of: str
    """What a column stands for, such as `characters`."""
    labels: Sequence[str]
    counts: Sequence[int]

    def share(self, count: int) -> float:
        """The height of a column, in percent of the highest."""
        return 100 * count / max(self.counts) if any(self.counts) else 0.0


@dataclass(frozen=True, slots=True)
class Example:
    """A text, with where it comes from."""

    source: str
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Examples:
    """Texts to unfold."""

    kind: ClassVar[str] = "examples"
    title: str
    examples: Sequence[Example]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a `LinePlot`."""

    name: str
    xs: Sequence[float]
    ys: Sequence[float]
    dashed: bool = False
    """For what is expected, beside what was measured."""


@dataclass(frozen=True, slots=True)
class LinePlot:
    """Lines over two axes, their legend, and some of the numbers as a table to unfold.

    Drawing needs matplotlib (`pip install 'zaoju[report]'`); without it the table is all there is.
    """

    kind: ClassVar[str] = "lines"
    title: str
    """What is to be seen, in a sentence: it is read aloud instead of the lines."""
    x: str
    y: str
    lines: Sequence[Line]
    log_x: bool = False
    log_y: bool = False
    from_zero: bool = False
    """Begin the upright axis at 0, so that heights can be compared."""


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Plots in columns, as many as there is room for."""

    kind: ClassVar[str] = "side by side"
    plots: Sequence[LinePlot]


Block: TypeAlias = Paragraph | Facts | Table | Bars | Histogram | Examples | LinePlot | SideBySide


@dataclass(frozen=True, slots=True)
class Section:
    """Blocks below a heading."""

    heading: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Page:
    """A whole page."""

    title: str
    summary: str
    """One or two sentences below the title."""
    sections: Sequence[Section]
    lead: Sequence[Block] = ()
    """What stands before the first section."""
