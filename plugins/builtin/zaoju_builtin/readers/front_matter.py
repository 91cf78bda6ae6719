"""The block of settings before a Markdown text: YAML between `---`, as in Jekyll and Hexo, or TOML between `+++`."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence

import yaml

_ENDS = {"---": ("---", "..."), "+++": ("+++",)}
_MOST_LINES = 1000


def front_matter_lines(lines: Sequence[str]) -> int:
    """How many of the first lines are front matter; 0 where it is none, such as a rule with text below it."""
    ends = _ENDS.get(lines[0].rstrip()) if lines else None
    if ends is None or len(lines) < 2 or not lines[1].strip():
        return 0
    for number, line in enumerate(lines[1:_MOST_LINES], start=1):
        if line.rstrip() in ends:
            return number + 1
    return 0


def title_of(lines: Sequence[str]) -> str | None:
    """The `title` in these lines of front matter; None where there is none, or where they cannot be understood."""
    text = "\n".join(lines[1:-1])
    try:
        values = tomllib.loads(text) if lines[0].startswith("+") else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError, RecursionError):
        return None
    title = values.get("title") if isinstance(values, dict) else None
    return " ".join(title.split()) or None if isinstance(title, str) else None
