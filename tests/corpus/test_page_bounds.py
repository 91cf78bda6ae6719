"""What a page can be at most is never less than what a parser makes of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resiliparse.parse.html import HTMLTree

from zaoju_builtin.readers import page_bounds
from zaoju_builtin.readers.page_bounds import Bounds

NAMES = (
    "div", "span", "b", "a", "font", "p", "li", "ul", "table", "tr", "td", "select", "option", "svg", "g", "math", "mi",
    "foreignObject", "desc", "title", "script", "style", "textarea", "template", "button", "object", "nobr", "x-y",
    "rt", "form", "h1", "caption", "br", "optgroup", "iframe",
)  # fmt: skip
PIECES = st.sampled_from(
    [
        *(f"<{name}>" for name in NAMES),
        *(f"</{name}>" for name in NAMES),
        *("春", "<!--", "-->", "<!-->", "<!x ", ">", '"', "'", "=", " ", "<div title='", '<p a="', "<![CDATA[", "]]>"),
        *("</", "<", "/", "<b id=1>", "<b id=2>", "<div/>", "<svg/>", "<a b=c>", "--!>", "<DIV>", "</DIV>"),
    ]
)


def made_of(page: str) -> tuple[int, int]:
    """How deep elements are nested that must be ended, and how many elements there are, by the parser."""
    deepest = count = 0
    waiting = [(HTMLTree.parse(page).document, 0)]
    while waiting:
        node, depth = waiting.pop()
        for child in node.child_nodes.values():
            name = getattr(child, "local_name", None)
            if name is not None:
                count += 1
                below = depth + (name.lower() not in page_bounds._LEFT_OPEN)
                deepest = max(deepest, below)
                waiting.append((child, below))
    return deepest, count


def bounds_of(page: str) -> Bounds:
    return page_bounds._scanned(page, 10**9)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_no_page_is_deeper_or_larger_than_its_bounds(page: str) -> None:
    depth, elements = made_of(page)
    bounds = bounds_of(page)
    assert depth <= bounds.depth
    # html, head and body, and for each row or cell the parts of a table that are left out.
    assert elements <= 3 + 4 * bounds.elements


@pytest.mark.parametrize(
    "trap",
    [
        "<div title='</div>'>",
        "<div><!--</div>-->",
        "<div><script></div></script>",
        "<div><table></div></table>",
        "<div><select></div></select>",
        "<span><div></span></div>",
        "<div><!x </div>",
        "<x-a></x-b>",
        "<svg><![CDATA[></svg>]]>",
        "<svg><style><g></style>",
        "<rt>",
        "<optgroup>",
    ],
)
def test_a_trap_is_seen(trap: str) -> None:
    """Each makes the page deeper every time that it comes, and looks as if it did not."""
    times = 200
    assert made_of(trap * times)[0] >= times, "no trap"
    assert page_bounds._scanned(trap * times, 100).depth > 100


def test_short_pages_are_not_looked_at() -> None:
    assert page_bounds.page_bounds("<div>" * 2_000, 10) is None
    for page in ("<div>" * 2_001, "<div>" * 11 + "春" * 70_000):
        bounds = page_bounds.page_bounds(page, 10)
        assert bounds is not None and bounds.depth > 10


def test_a_page_as_people_write_it_is_not_deep() -> None:
    rows = "<tr><td>一<td><font color=red>二</font>" * 800
    items = "<ul>" + "<li>一<li><a href='x'>二</a>" * 800 + "</ul>"
    script = "<script>var a = '<div><div><div>';</script><style>a{}</style><!-- <div><div> -->" * 50
    page = f"<!doctype html><title>题</title><div><p>春<p>夏<table>{rows}</table>{items}{script}<br><img src=x></div>"
    assert bounds_of(page).depth <= 4
    assert bounds_of(page).elements < page.count("<") + 5_000


def test_formatting_that_is_left_open_counts_again_and_again() -> None:
    page = "<p>" + "".join(f"<b id={number}>" for number in range(100)) + "<p>春" * 100
    assert made_of(page)[1] > 9_000
    assert bounds_of(page).elements > 9_000


def test_attributes_are_counted_without_what_stands_in_quotes() -> None:
    long = " ".join(map(str, range(5_000)))
    assert bounds_of(f"<p {long}>春").attributes >= 5_000
    assert bounds_of(f"<p style=\"{long}\" data='{long}'>春").attributes < 5
