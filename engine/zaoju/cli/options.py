"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import click

P = ParamSpec("P")
R = TypeVar("R")
Decorator = Callable[[Callable[P, R]], Callable[P, R]]


def with_config(command: Callable[P, R]) -> Callable[P, R]:
    """`--config` and `--set`."""
    command = click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        help="Override one value, such as decoding.top_p=0.9. Repeatable.",
    )(command)
    return click.option(
        "--config",
        type=click.Path(dir_okay=False, path_type=Path),
        help="The configuration; config.yaml in the current folder where it is not given.",
    )(command)


def with_threads(command: Callable[P, R]) -> Callable[P, R]:
    """`--threads`, which `zaoju.cli.process.use_threads` takes."""
    return click.option(
        "--threads",
        type=click.IntRange(min=0),
        help="Threads that compute; 0 means one for each core. The configuration's `threads` where it is not given.",
    )(command)


def with_inexact(command: Callable[P, R]) -> Callable[P, R]:
    """`--inexact`, for what trains."""
    return click.option(
        "--inexact",
        is_flag=True,
        help="Let an interrupted training go on in another environment, though not bit for bit.",
    )(command)


def with_json(command: Callable[P, R]) -> Callable[P, R]:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(command)


def with_quiet(command: Callable[P, R]) -> Callable[P, R]:
    """`--quiet`."""
    return click.option("--quiet", is_flag=True, help="Show no progress, only the result.")(command)
