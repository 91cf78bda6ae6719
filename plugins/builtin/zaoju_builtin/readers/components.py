"""What is offered here, by name and import string. Imports nothing heavy."""

from __future__ import annotations

from zaoju import Component

_HOME = "zaoju_builtin.readers"


def readers() -> list[Component]:
    """The builtin readers."""
    options = f"{_HOME}.options"
    return [
        Component(
            "text",
            f"{_HOME}.text:TextReader",
            options=f"{options}:TextOptions",
            summary="Plain text files and folders of them",
        ),
        Component(
            "jsonl",
            f"{_HOME}.jsonl:JsonLinesReader",
            options=f"{options}:JsonLinesOptions",
            summary="Files with one JSON object a line",
        ),
        Component(
            "stories",
            f"{_HOME}.stories:StoriesReader",
            options=f"{options}:StoriesOptions",
            summary="Small Chinese stories from a bundled grammar, any amount, of known entropy",
        ),
    ]
