"""What is offered here, by name and import string. Imports nothing heavy."""

from __future__ import annotations

from zaoju import Component

_HOME = "zaoju_builtin.decoding.searches"


def searches() -> list[Component]:
    """The builtin searches."""
    return []
