"""Paragraphs again from text that was cut at a fixed width."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from zaoju import Cleaned, Cleaner
from zaoju_builtin.cleaners.characters import HANZI
from zaoju_builtin.cleaners.options import JoinLinesOptions

_FULL_LINES = 0.4
"""At least so many lines of a wrapped document reach the margin; the others end paragraphs."""
_MOST_ENDED = 0.4
"""Where more of the full lines end with punctuation, the lines were meant: verse, lists, speech. Chance gives 0.15."""
_MARKED = 0.02
"""From so many lines on, indents or gaps are taken for the beginnings of paragraphs."""
_COMMON_INDENT = 0.1
"""The smallest indent of so many lines is that of all lines; a larger one begins a paragraph."""
_STRAY = 0.02
"""So many lines may stick out over the margin."""
_SPACED = 0.9
"""Where so many lines are followed by a blank line, most by one, a blank line is no more than a line end."""

_ENDED = tuple("。！？!?…”’」』）)》；;：:，,、.．—")
_SENTENCE_ENDED = tuple("。！？!?…”’」』.．：:；;）)—")
_SPEECH = tuple("“‘「『—─－")
_HEAD = re.compile(
    r"""\s*(?: 第[一二三四五六七八九十百千零〇两0-9]+[章回节節条條款编編部卷篇讲講课課]
        | [一二三四五六七八九十]+[、.．]
        | [（(][一二三四五六七八九十0-9a-zA-Z]+[)）]
        | [0-9]+[.．、)）](?![0-9])
        | [-*•·●○■◆※§▪►]
        | [①-⑳]
        | \#{1,6}\s
        | [|>] )""",
    re.VERBOSE,
)
_FIRST_TOKEN = re.compile(r"([!-~]+|.)([，。、；：！？”’」』）》〉】…—]*)")
_SPACED_OUT = re.compile(f"[{HANZI}] [A-Za-z0-9]")
_CLOSE = re.compile(f"[{HANZI}][A-Za-z0-9]")
_INDENT = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    width: int
    indent: int
    gap: int
    """How many blank lines come before it."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """What holds for the whole document."""

    margin: int
    indent: int
    line_gap: int
    """How many blank lines stand between two lines of one paragraph."""
    marked: bool
    """Whether paragraphs show by indents or gaps."""
    spaced_out: bool
    """Whether a blank is written between hanzi and Latin words."""


class JoinLinesCleaner(Cleaner[JoinLinesOptions]):
    """Joins lines that were cut at a margin; verse, lists, headings, speech and everything uncertain stay as they are.

    A line is joined to the next only where the first word of that would not have fitted on it any more: so a line
    that ends early ends a paragraph. The whole document must look wrapped: many lines reach the same margin, few stick
    out, and their ends fall anywhere in a sentence.
    """

    def clean(self, text: str) -> str | Cleaned:
        """The text with its paragraphs whole, and how many line ends went."""
        joined = 0
        while (layout := self._layout(lines := _lines(text))) is not None:
            text, times = _join(lines, layout)
            if not times:
                break
            joined += times
        return Cleaned(text, {"lines_joined": joined}) if joined else text

    def _layout(self, lines: list[_Line]) -> _Layout | None:
        """How the document is laid out; None where it does not look wrapped."""
        options = self.options
        if len(lines) < options.minimum_lines:
            return None
        widths = sorted(line.width for line in lines)
        margin = _commonest(width for width in widths if width > widths[int((len(widths) - 1) * (1 - _STRAY))] - 6)
        if not options.minimum_width <= margin <= options.maximum_width or widths[-1] > margin * 3:
            return None
        full = [line for line in lines if line.width > margin - 6]
        if len(full) < _FULL_LINES * len(lines):
            return None
        if sum(line.text.endswith(_ENDED) for line in full) > _MOST_ENDED * len(full):
            return None
        return self._marks(lines, margin)

    def _marks(self, lines: list[_Line], margin: int) -> _Layout:
        indents = [line.indent for line in lines]
        indent = min(found for found in set(indents) if indents.count(found) >= _COMMON_INDENT * len(indents))
        gaps = [line.gap for line in lines[1:]]
        line_gap = 1 if gaps.count(0) < (1 - _SPACED) * len(gaps) and gaps.count(1) > len(gaps) / 2 else 0
        marks = sum(line.indent > indent or line.gap > line_gap for line in lines[1:])
        text = "".join(line.text for line in lines[:500])
        spaced_out = len(_SPACED_OUT.findall(text)) > len(_CLOSE.findall(text))
        return _Layout(margin, indent, line_gap, marks >= max(3, _MARKED * len(lines)), spaced_out)


def _commonest(widths: Iterable[int]) -> int:
    """The width that most lines have; of several, the largest."""
    counts = Counter(widths)
    return max(counts, key=lambda width: (counts[width], width))


def _lines(text: str) -> list[_Line]:
    """The lines that hold something. A width counts two columns for a hanzi and for Chinese punctuation."""
    lines: list[_Line] = []
    gap = 0
    for raw in text.split("\n"):
        bare = raw.rstrip()
        if not bare:
            gap += 1
            continue
        indent = _INDENT.match(bare)
        spaces = indent[0] if indent else ""
        lines.append(_Line(bare, _width(bare), _width(spaces), gap))
        gap = 0
    return lines


def _width(text: str) -> int:
    """One byte of UTF-8 is one column, three bytes are two."""
    return (len(text.encode("utf-8", "surrogatepass")) + len(text)) // 2


def _join(lines: list[_Line], layout: _Layout) -> tuple[str, int]:
    """The text with the wrapped lines joined, and how many were."""
    parts = ["\n" * lines[0].gap, lines[0].text]
    joined = 0
    for line, following in pairwise(lines):
        if _goes_on(line, following, layout):
            text = following.text.lstrip()
            parts += [_between(line.text[-1], text[0], spaced_out=layout.spaced_out), text]
            joined += 1
        else:
            parts += ["\n" * (following.gap + 1), following.text]
    return "".join(parts), joined


def _goes_on(line: _Line, following: _Line, layout: _Layout) -> bool:
    """Whether `following` is the same paragraph: it was cut off because its first word did not fit."""
    if following.gap != layout.line_gap or following.indent > layout.indent:
        return False
    if line.indent > layout.indent + 8 or _HEAD.match(following.text):
        return False
    text = following.text.lstrip()
    token = _FIRST_TOKEN.match(text)
    needed = _width(token[1]) + 2 * len(token[2]) if token else 2
    if line.width > layout.margin + 4 or line.width + needed <= layout.margin:
        return False
    if line.text.endswith(_SENTENCE_ENDED):
        return layout.marked and not text.startswith(_SPEECH)
    return True


def _between(last: str, first: str, *, spaced_out: bool) -> str:
    """What stands between two joined lines: a blank between Latin words, nothing between hanzi."""
    latin = last.isascii(), first.isascii()
    if all(latin):
        return "" if last == "-" else " "
    if spaced_out and any(latin) and last.isalnum() and first.isalnum():
        return " "
    return ""
