"""What is offered here, by name and import string. Imports nothing heavy."""

from __future__ import annotations

from zaoju import Component

_HOME = "zaoju_builtin.decoding.constraints"


def constraints() -> list[Component]:
    """The builtin constraints."""
    return [
        _constraint("regex", "Regex", "The whole text matches a regular expression"),
        _constraint("choice", "Choice", "The text is one of a list"),
        _constraint("json_schema", "JsonSchema", "The text is JSON that a JSON Schema describes"),
        _constraint("grammar", "Grammar", "The text follows a context-free grammar in the notation of Lark"),
    ]


def _constraint(name: str, target: str, summary: str) -> Component:
    """A constraint in the module of its name; its options are in `options.py`, named after its class."""
    return Component(
        name,
        f"{_HOME}.{name}:{target}",
        options=f"{_HOME}.options:{target}Options",
        summary=summary,
        needs=frozenset({"bytes"}),
        requires=("llguidance",),
        install="pip install 'zaoju[constraints]'",
    )
