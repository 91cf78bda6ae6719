"""What is offered here, by name and import string. Imports nothing heavy."""

from __future__ import annotations

from zaoju import Component

_HOME = "zaoju_builtin.cleaners"


def cleaners() -> list[Component]:
    """The builtin cleaners."""
    return [
        Component(
            "basic",
            f"{_HOME}.basic:BasicCleaner",
            options=f"{_HOME}.options:BasicOptions",
            summary="Line ends, control characters and stray white space; drops what is empty or too short",
        )
    ]
