"""What is offered here, by name and import string. Imports nothing heavy."""

from __future__ import annotations

from zaoju import Component

_HOME = "zaoju_builtin.decoding.transforms"


def transforms() -> list[Component]:
    """The builtin transforms."""
    return [
        _transform("temperature", "Temperature", "Divides the logits: below 1 is bolder, above 1 more varied"),
        _transform("top_k", "TopK", "Keeps the k most probable tokens"),
        _transform("top_p", "TopP", "Keeps the smallest set of tokens that holds the share p of the probability"),
        _transform("repetition_penalty", "RepetitionPenalty", "Makes tokens that were already used less probable"),
    ]


def _transform(name: str, target: str, summary: str, *, needs: frozenset[str] = frozenset()) -> Component:
    """A transform in the module of its name; its options are in `options.py`, named after its class."""
    return Component(
        name, f"{_HOME}.{name}:{target}", options=f"{_HOME}.options:{target}Options", summary=summary, needs=needs
    )
