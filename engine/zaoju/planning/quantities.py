"""Numbers as people write them."""

from __future__ import annotations

import math

from zaoju.errors import ConfigError

_SUFFIXES = {"": 1.0, "K": 1e3, "M": 1e6, "B": 1e9, "G": 1e9, "T": 1e12, "P": 1e15}


def number_of(name: str, text: str | float) -> float:
    """`300B`, `3e11`, `1.5T` and `20` as numbers. Raises `ConfigError`, with `name`, for what is no number above 0."""
    if isinstance(text, str):
        written = text.strip().replace(",", "").replace("_", "")
        suffix = written[-1:].upper() if written[-1:].isalpha() else ""
        digits = written[: len(written) - len(suffix)]
        try:
            value = float(digits) * _SUFFIXES[suffix]
        except (ValueError, KeyError):
            value = math.nan
    else:
        value = float(text)
    if not 0 < value < math.inf:
        raise ConfigError(f"plan: {name}: must be a number above 0, such as 300B, 1.5T or 3e11, and is {text!r}")
    return value
