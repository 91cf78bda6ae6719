"""The first list of objects in the beginning of a JSON text, which may be cut off anywhere."""

from __future__ import annotations

import json
import re

_SPACE = re.compile(r"[ \t\n\r,]*")
_KEY = re.compile(r'"((?:[^"\\]|\\.)*)"\s*:\s*')
_DEEPEST = 20


def first_objects(text: str) -> tuple[list[str], list[dict[str, object]]]:
    """The keys that lead to the first list of objects, and those of its objects that are whole in `text`.

    Without such a list both are empty.
    """
    at = _SPACE.match(text, 1 if text.startswith("\ufeff") else 0)
    path, objects, _ = _value(text, at.end() if at else 0, [])
    return (path, objects) if objects else ([], [])


def _value(text: str, at: int, path: list[str]) -> tuple[list[str], list[dict[str, object]], int]:
    """The list in the value that begins at `at`, and where the value ends; -1 where that is not in the text."""
    if text.startswith("[", at):
        objects = _objects(text, at + 1)
        if objects:
            return path, objects, -1
    elif text.startswith("{", at) and len(path) < _DEEPEST:
        at += 1
        while (key := _KEY.match(text, _after_space(text, at))) is not None:
            found, objects, at = _value(text, key.end(), [*path, json.loads(f'"{key.group(1)}"')])
            if objects or at < 0:
                return found, objects, at
        at = _after_space(text, at)
        return path, [], at + 1 if text.startswith("}", at) else -1
    return path, [], _end(text, at)


def _objects(text: str, at: int) -> list[dict[str, object]]:
    """The objects of a list, up to the end of the text or to what is none."""
    objects: list[dict[str, object]] = []
    while text.startswith("{", at := _after_space(text, at)):
        try:
            value, at = json.JSONDecoder().raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        objects.append(value)
    return objects


def _end(text: str, at: int) -> int:
    try:
        return json.JSONDecoder().raw_decode(text, at)[1]
    except (ValueError, RecursionError):
        return -1


def _after_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at
