"""Texts that match a regular expression."""

from __future__ import annotations

import re

from zaoju_builtin.decoding.constraints.llguidance_constraint import LLGuidanceConstraint
from zaoju_builtin.decoding.constraints.options import RegexOptions

_ESCAPED_OR_SLASH = re.compile(r"\\(.)|/", re.DOTALL)


class Regex(LLGuidanceConstraint[RegexOptions]):
    """The whole text matches a regular expression, in the dialect of Rust's crate `regex`.

    It is Unicode throughout: `.` is a character and `\\p{Han}` a hanzi. What needs to look around or back is refused.
    """

    name = "regex"

    def grammar(self) -> str:
        return f"start: {regex_literal(self.options.pattern)}"


def regex_literal(pattern: str) -> str:
    """A regular expression as it stands between the slashes of a grammar."""
    return f"/{_ESCAPED_OR_SLASH.sub(_for_slashes, pattern)}/"


def _for_slashes(found: re.Match[str]) -> str:
    """The library reads no escaped line end, and a slash only where it is escaped."""
    if found[0] == "/":
        return r"\/"
    return r"\n" if found[1] == "\n" else found[0]
