"""Pages for a person: whole, escaped, without network or script, and readable by a machine too."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.browser import opened
from zaoju.pages import (
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
    SideBySide,
    Table,
    render,
    write_page,
)

ZIPF = [1e6 / rank for rank in range(1, 2001)]
HOSTILE = "</td></script><script>document.title = 'taken'</script><img src=x onerror=alert(1)> $x^2$ \"'&amp;"


def page_of(*blocks: Block, title: str = "A page") -> Page:
    return Page(title, "What it is about.", [Section("A section", blocks)])


def every_block(text: str) -> list[Block]:
    """One of each kind, with `text` in every place that takes text."""
    return [
        Paragraph(text),
        Facts([Fact(text, text, text), Fact("n", 12345)]),
        Table([text, "n"], [[text, 1234567], [text, 0.98765]]),
        Bars([text, "n"], [Bar(text, 4.0, (4,)), Bar(text, 1.0, (1,)), Bar(text, 0.0, (0,))]),
        Histogram(text, text, [text, "b"], [3, 1]),
        Examples(text, [Example(text, text, text)]),
        LinePlot(text, text, text, [Line(text, [1, 2, 3], [1, 4, 9]), Line(text, [1, 2], [1, 2], dashed=True)]),
        SideBySide([LinePlot(text, text, text, [Line(text, [1, 2, 3], [1, 4, 9])])]),
    ]


class Elements(HTMLParser):
    """The names of all elements and attributes, and the text between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_a_page_shows_what_it_is_given() -> None:
    shown = Elements(render(page_of(*every_block("床前明月光"), title="造句")))
    text = "".join(shown.text)
    assert shown.elements.count("h1") == shown.elements.count("main") == 1
    assert text.count("床前明月光") > 20
    for number in ("12,345", "1,234,567", "0.9877"):
        assert number in text


def test_bars_and_columns_are_as_long_as_their_values() -> None:
    bars = Bars(["a", "n"], [Bar("a", 4.0, (4,)), Bar("b", 1.0, (1,)), Bar("c", 0.0, (0,))])
    styles = [value for name, value in Elements(render(page_of(bars))).attributes if name == "style"]
    assert styles == ["width:100.00%", "width:25.00%", "width:0.00%"]
    columns = Histogram("lengths", "characters", ["1", "2"], [1, 5])
    styles = [value for name, value in Elements(render(page_of(columns))).attributes if name == "style"]
    assert styles == ["height:20.00%", "height:100.00%"]


def test_nothing_at_all_is_a_page_too() -> None:
    blocks = [Table(["a"], []), Bars(["a", "n"], []), Histogram("h", "n", [], []), Examples("e", []), Facts([])]
    assert Elements(render(page_of(*blocks))).elements.count("section") == 1
    zero = [Bars(["a", "n"], [Bar("a", 0.0, (0,))]), Histogram("h", "n", ["1"], [0])]
    assert "0.00%" in render(page_of(*zero))


def test_hostile_text_stays_text() -> None:
    harmless, hostile = Elements(render(page_of(*every_block("x")))), Elements(render(page_of(*every_block(HOSTILE))))
    assert hostile.elements == harmless.elements
    assert [name for name, _ in hostile.attributes] == [name for name, _ in harmless.attributes]
    assert "script" not in hostile.elements
    assert "".join(hostile.text).count("document.title = 'taken'") > 20


@settings(deadline=None, derandomize=True, max_examples=20)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_no_text_adds_an_element(text: str) -> None:
    blocks = [block for block in every_block(text) if not isinstance(block, LinePlot | SideBySide)]
    harmless = [block for block in every_block("x") if not isinstance(block, LinePlot | SideBySide)]
    full = Elements(render(page_of(*blocks, title=text))).elements
    plain = Elements(render(page_of(*harmless, title="x"))).elements
    optional = {"span"}  # a note that is empty is left out
    assert [one for one in full if one not in optional] == [one for one in plain if one not in optional]


def test_nothing_is_fetched_and_no_name_stands_twice() -> None:
    shown = Elements(render(page_of(*every_block("x"), *every_block("y"))))
    for name, value in shown.attributes:
        assert name not in {"src", "onclick", "onload"}
        assert name != "href" or (value or "").startswith("#"), value
        assert name != "xlink:href" or (value or "").startswith("#"), value
    assert "link" not in shown.elements


def test_a_plot_takes_the_colours_and_fonts_of_the_page() -> None:
    html = render(page_of(LinePlot("t", "rank", "count", [Line("a", range(1, 2001), ZIPF)], log_x=True, log_y=True)))
    svg = html[html.index("<svg") :]
    assert "currentColor" in svg and "var(--series-1)" in svg
    assert ">100 k</text>" in svg and "rank" not in svg[: svg.index("</svg>")]
    assert len(html) < 200_000


def test_the_same_page_is_the_same_file(tmp_path: Path) -> None:
    page = page_of(*every_block("春"))
    write_page(tmp_path / "one.html", page)
    write_page(tmp_path / "two.html", page)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_the_numbers_of_a_long_line_are_spread() -> None:
    html = render(page_of(LinePlot("t", "rank", "count", [Line("a", range(1, 2001), ZIPF)], log_x=True, log_y=True)))
    rows = html[html.index("the numbers") :].count("<tr>")
    assert 10 < rows <= 25
    assert '<td class="number">2,000</td>' in html


def test_without_matplotlib_only_plots_are_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    *others, plot, _ = every_block("x")
    assert "<main>" in render(page_of(*others))
    shown = Elements(render(page_of(plot, SideBySide([plot]))))
    text = "".join(shown.text)
    assert "svg" not in shown.elements and text.count("pip install 'zaoju[report]'") == 2
    assert shown.attributes.count(("open", None)) == 2, "the numbers are there in place of the plots"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_a_browser_opens_it(tmp_path: Path, width: int, scheme: str) -> None:
    """Nothing of the text runs, and the browser finds the document that was meant."""
    write_page(tmp_path / "page.html", page_of(*every_block(HOSTILE), title="造句的报告"))
    shown = Elements(opened(tmp_path / "page.html", width=width, scheme=scheme))
    assert "造句的报告" in shown.text
    assert "taken" not in shown.text
    assert "script" not in shown.elements and "img" not in shown.elements
    assert shown.elements.count("svg") == 3
