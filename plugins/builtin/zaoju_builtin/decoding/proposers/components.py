"""What is offered here, by name and import string. Imports nothing heavy."""

from __future__ import annotations

from zaoju import Component

_HOME = "zaoju_builtin.decoding.proposers"


def proposers() -> list[Component]:
    """The builtin proposers."""
    return []
