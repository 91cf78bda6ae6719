"""What is offered here, by name and import string. Imports nothing heavy."""

from __future__ import annotations

from zaoju import Component

_HOME = "zaoju_builtin.decoding.selectors"


def selectors() -> list[Component]:
    """The builtin selectors."""
    return [
        Component("argmax", f"{_HOME}.argmax:Argmax", summary="The most probable token"),
        Component("sample", f"{_HOME}.sample:Sample", summary="A token drawn by its probability"),
    ]
