"""What is offered here, by name and import string. Imports nothing heavy."""

from __future__ import annotations

from zaoju import Component

_HOME = "zaoju_builtin.decoding.proposers"


def proposers() -> list[Component]:
    """The builtin proposers."""
    return [
        Component(
            "prompt_lookup",
            f"{_HOME}.prompt_lookup:PromptLookup",
            options=f"{_HOME}.options:PromptLookupOptions",
            summary="Guesses that what followed the last tokens earlier in the text follows them again",
        ),
        Component(
            "draft_model",
            f"{_HOME}.draft_model:DraftModel",
            options=f"{_HOME}.options:DraftModelOptions",
            summary="Guesses with a smaller model that has the same vocabulary",
        ),
    ]
