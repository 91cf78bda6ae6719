"""What is offered here, by name and import string. Imports nothing heavy."""

from __future__ import annotations

from zaoju import Component

_HOME = "zaoju_builtin.decoding.strategies"


def strategies() -> list[Component]:
    """The builtin strategies."""
    return [
        Component("greedy", f"{_HOME}.presets:Greedy", summary="Always the most probable token"),
        Component("top_k", f"{_HOME}.presets:TopKStrategy", summary="Draws from the k most probable tokens"),
        Component("nucleus", f"{_HOME}.presets:Nucleus", summary="Draws from the smallest set that holds the share p"),
    ]
