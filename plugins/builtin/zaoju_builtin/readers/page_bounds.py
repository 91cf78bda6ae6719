"""How much work a web page can be, told from its text before any parser sees it.

A parser keeps a stack of open elements, and opens formatting that was left open again in every paragraph, so a few
kilobytes can hold millions of elements, or nest them so deep that time grows with the square. This counts as
the tree construction of the HTML standard does (https://html.spec.whatwg.org/multipage/parsing.html), and where it does
not go into a detail, it counts too much: an end tag counts only where the parser surely obeys it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

_SPACE = r"\t\n\f\r\x20"
_ATTRIBUTES = rf"""(?:[^>="']++|=[{_SPACE}]*+(?:"[^"]*+"|'[^']*+')?+|["'])*+"""
_TEXT_ALONE = "script|style|textarea|title|xmp|iframe|noembed|noframes"
_TOKENS = re.compile(
    rf"""
    <(/?(?!(?:{_TEXT_ALONE})[{_SPACE}/>])[a-z][^{_SPACE}/>]*+)({_ATTRIBUTES})
    | (
        <!--.*?(?:--!?>|\Z)
        | <!\[CDATA\[.*?(?:\]\]>|\Z)
        | <([a-z]++).*?(?:</\4(?=[{_SPACE}/>])|\Z)
        | <[!?/][^>]*
    )
    """,
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
"""A tag, its name and its attributes; or what has no elements: a comment, a script, a declaration."""

_START = re.compile("<[a-z]", re.IGNORECASE)
_QUOTED = re.compile(r"""="[^"]*"|='[^']*'""")
_BETWEEN = re.compile(rf"[{_SPACE}/]+")
_LONG = 1_000
_SHORT = 1 << 16
_FEW = 2_000
"""So many characters and tags are parsed in some seconds, whatever they are; most pages have no more."""

_LEFT_OPEN = frozenset((
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track",
    "wbr", "frame", "basefont", "bgsound", "keygen", "p", "li", "dt", "dd", "option", "tr", "td", "th",
    "thead", "tbody", "tfoot", "colgroup", "html", "head", "body",
))  # fmt: skip
"""Elements without an end, and those that another one of their kind ends."""

_FORMATTING = frozenset((
    "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
))  # fmt: skip
_SCOPES = frozenset((
    "applet", "caption", "marquee", "object", "table", "template", "select", "annotation-xml",
    "foreignobject", "desc", "mi", "mo", "mn", "ms", "mtext",
))  # fmt: skip
"""What is open outside of these is not ended by an end tag inside."""

_NO_TEXT_ALONE = frozenset(("svg", "math", "select"))
"""Inside of these a script or a title may hold elements."""

_SPECIAL = _SCOPES.union((
    "address", "article", "aside", "blockquote", "button", "center", "details", "dir", "div", "dl",
    "fieldset", "figcaption", "figure", "footer", "form", "frameset", "h1", "h2", "h3", "h4", "h5", "h6",
    "header", "hgroup", "iframe", "listing", "main", "menu", "nav", "noscript", "ol", "plaintext", "pre",
    "search", "section", "summary", "ul", "xmp",
))  # fmt: skip
"""The end of an element that is none of these, such as a span, is passed over where one of these is open inside it."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a page has at most."""

    depth: int
    """How deep its elements are nested, without those that the next of their kind ends, such as list items."""

    elements: int
    attributes: int
    """Of one element."""


def page_bounds(page: str, depth_enough: int) -> Bounds | None:
    """Bounds of a page without NUL characters; None where it is so short that it takes some seconds at the worst.

    The scan ends where the depth goes beyond `depth_enough`.
    """
    starts = page.count("<") - page.count("</")
    return None if starts <= _FEW and len(page) <= _SHORT else _scanned(page, depth_enough)


def _scanned(page: str, depth_enough: int) -> Bounds:
    """One loop without calls for what is usual, as it takes a good part of the time that the parser needs."""
    stack: list[str] = []
    formatting: dict[str, list[int]] = defaultdict(list)  # for each that is open, how many scopes were open then
    formatting_open = scopes = deepest = elements = unseen = most_attributes = 0
    for name, attributes, text, _ in _TOKENS.findall(page):
        if text:
            elements += 1 + formatting_open
            deepest = max(deepest, len(stack) + formatting_open + 1)
            if _may_hold_elements(text, stack):
                unseen += len(_START.findall(text, 1))
            continue
        if len(attributes) > _LONG:
            most_attributes = max(most_attributes, len(_BETWEEN.findall(_QUOTED.sub(" ", attributes))))
        if "<" in attributes:
            unseen += len(_START.findall(attributes))
        # What is left open of formatting is opened again before the next element or text, at the worst.
        elements += 1 + formatting_open
        tag = name.lower()
        if tag[0] == "/":
            tag = tag[1:]
            if stack and stack[-1] == tag:
                del stack[-1]
                scopes -= tag in _SCOPES
            elif tag not in _FORMATTING:
                place = _place_of(tag, stack)
                scopes -= sum(one in _SCOPES for one in stack[place:])
                del stack[place:]
            elif formatting[tag] and formatting[tag][-1] >= scopes:
                del formatting[tag][-1]
                formatting_open -= 1
        elif tag not in _LEFT_OPEN:
            if tag in _FORMATTING:
                formatting[tag].append(scopes)
                formatting_open += 1
            else:
                stack.append(tag)
                scopes += tag in _SCOPES
            depth = len(stack) + formatting_open
            if depth > deepest:
                deepest = depth
                if depth + unseen > depth_enough:
                    break
    return Bounds(deepest + unseen, elements + unseen, most_attributes)


def _place_of(tag: str, stack: list[str]) -> int:
    """From where on an end tag takes elements from the stack: its length where the tag is passed over."""
    barriers = _SCOPES if tag in _SPECIAL else _SPECIAL
    for place in range(len(stack) - 1, -1, -1):
        if stack[place] == tag:
            return place
        if stack[place] in barriers:
            break
    return len(stack)


def _may_hold_elements(text: str, stack: list[str]) -> bool:
    """Whether what looks like a comment, or like a script or another element of text alone, may be none."""
    if text.startswith("<!"):
        return text.startswith(("<!-->", "<!--->", "<![CDATA["))
    return "<!--" in text or not _NO_TEXT_ALONE.isdisjoint(stack)
