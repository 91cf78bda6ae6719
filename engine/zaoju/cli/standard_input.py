"""Text from standard input."""

from __future__ import annotations

import sys

import click


def read_standard_input() -> str:
    """All of standard input, which must be UTF-8 whatever the terminal's own encoding is."""
    data = sys.stdin.buffer.read()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise click.UsageError(f"standard input is not UTF-8 (byte {error.start}); convert it first") from error
