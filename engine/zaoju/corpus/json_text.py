"""The text in one line of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable


def parse_object(line: str) -> dict[str, object]:
    """The JSON object in `line`. Raises `ValueError` with the reason where there is none."""
    try:
        value = json.loads(line)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error.msg} at character {error.pos + 1:,}") from None
    if not isinstance(value, dict):
        raise ValueError(f"is not a JSON object but {_kind(value)}")
    return value


def text_of(value: dict[str, object], fields: Iterable[str]) -> str:
    """The texts of `fields`, each on lines of its own; absent ones and null are passed over.

    Raises `ValueError` with the reason where none is there, or where one is neither a text nor a list of texts.
    """
    wanted = list(fields)
    parts: list[str] = []
    for name in wanted:
        found = value.get(name)
        if isinstance(found, str):
            parts.append(found)
        elif isinstance(found, list) and all(isinstance(line, str) for line in found):
            parts.append("\n".join(found))
        elif found is not None:
            raise ValueError(f"has {_kind(found)} in the field {name!r}, not a text or a list of texts")
    if not parts:
        raise ValueError(f"has none of the fields {wanted}; it has {sorted(value)[:20]}: set `fields:` in the reader")
    return "\n".join(parts)


def _kind(value: object) -> str:
    names = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "an object",
    }
    return names.get(type(value), "null")
