"""Relative paths in a config, made absolute: they start at the folder of the config file.

The path `-` is standard input, which lies nowhere, and stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from zaoju.contracts import Options


def absolute_path(path: str | Path, folder: Path) -> Path:
    """`path` below `folder` where it is relative; a leading `~` is the home folder."""
    path = Path(path)
    if path.parts[:1] == ("~",):
        path = path.expanduser()
    return folder / path


def with_absolute_paths(model: type[Options], options: Mapping[str, object], folder: Path) -> dict[str, object]:
    """`options` with every path of the model, given or by default, made absolute below `folder`."""
    absolute = dict(options)
    for name, field in model.model_fields.items():
        key = field.alias or name
        if not _holds_paths(field.annotation):
            continue
        if key in absolute:
            absolute[key] = _absolute(absolute[key], folder)
        elif isinstance(field.default, Path | list | tuple):
            absolute[key] = _absolute(field.default, folder)
    return absolute


def _holds_paths(annotation: object) -> bool:
    return annotation is Path or any(_holds_paths(part) for part in get_args(annotation))


def _absolute(value: object, folder: Path) -> object:
    if isinstance(value, str | Path):
        return "-" if str(value) == "-" else str(absolute_path(value, folder))
    if isinstance(value, list | tuple):
        return [_absolute(item, folder) for item in value]
    if isinstance(value, Mapping):
        return {key: _absolute(item, folder) for key, item in value.items()}
    return value
