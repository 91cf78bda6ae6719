"""The template language in which stories are written, and its parser.

A template is literal Chinese text with four kinds of marks:

- ``<feeling>``: a fresh word or phrase from the list ``feeling``; nothing is remembered.
- ``{dish}``, ``{dish.measure}``: a remembered choice. The first mention draws an entry and binds it to the variable
  ``dish``; every later mention writes a form of that same entry. ``{dish}`` is short for ``{dish.text}``.
- ``{hero=name}``: from here on the variable ``hero`` is drawn from the list ``name``. Writes nothing.
- ``(可是|但是|)``: one of the alternatives, each equally likely; they may hold marks themselves, and may be empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


class TemplateError(ValueError):
    """A template, a list or a data file that cannot be used; the message names the place and the cause."""


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that is written as it stands."""

    text: str


@dataclass(frozen=True, slots=True)
class Draw:
    """A fresh draw from a list."""

    list_name: str


@dataclass(frozen=True, slots=True)
class Mention:
    """A form of the entry that a variable is bound to; the first mention binds it."""

    variable: str
    form: str


@dataclass(frozen=True, slots=True)
class Declare:
    """Says which list a variable is drawn from."""

    variable: str
    list_name: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Equally likely alternatives."""

    options: tuple[Template, ...]

    def __post_init__(self) -> None:
        require_distinct(self.options)


Node = Literal | Draw | Mention | Declare | Choice
Template = tuple[Node, ...]

_NAME = r"[a-z][a-z_]*"
_TOKEN = re.compile(
    rf"<(?P<draw>{_NAME})>"
    rf"|\{{(?P<variable>{_NAME})(?:\.(?P<form>{_NAME})|=(?P<list>{_NAME}))?\}}"
    r"|(?P<mark>[(|)])"
    r"|(?P<literal>[^<>{}(|)]+)"
)


def parse_template(source: str) -> Template:
    """Parse one template. Raises `TemplateError` for an unknown mark or an unbalanced parenthesis."""
    tokens = list(_tokens(source))
    options, end = _parse_options(tokens, 0, source)
    if end != len(tokens) or len(options) != 1:
        raise TemplateError(f"a '|' or ')' outside parentheses in {source!r}")
    return options[0]


def require_distinct(templates: tuple[Template, ...]) -> None:
    """Raise `TemplateError` for alternatives that are none, or hold the same one twice."""
    if not templates:
        raise TemplateError("alternatives need at least one template")
    if len(set(templates)) != len(templates):
        raise TemplateError(f"the same alternative twice among {templates}")


def _tokens(source: str) -> Iterator[Node | str]:
    position = 0
    while position < len(source):
        found = _TOKEN.match(source, position)
        if found is None:
            raise TemplateError(f"cannot read {source[position : position + 12]!r} in {source!r}")
        position = found.end()
        if found["draw"]:
            yield Draw(found["draw"])
        elif found["list"]:
            yield Declare(found["variable"], found["list"])
        elif found["variable"]:
            yield Mention(found["variable"], found["form"] or "text")
        elif found["mark"]:
            yield found["mark"]
        else:
            yield Literal(found["literal"])


def _parse_options(tokens: list[Node | str], start: int, source: str) -> tuple[list[Template], int]:
    """Read alternatives up to a closing parenthesis or the end; return them and where reading stopped."""
    options: list[Template] = []
    current: list[Node] = []
    position = start
    while position < len(tokens) and tokens[position] != ")":
        token = tokens[position]
        position += 1
        if token == "|":
            options.append(tuple(current))
            current = []
        elif token == "(":
            inner, position = _parse_options(tokens, position, source)
            if position == len(tokens):
                raise TemplateError(f"a '(' without its ')' in {source!r}")
            position += 1
            current.append(Choice(tuple(inner)))
        elif not isinstance(token, str):
            current.append(token)
    options.append(tuple(current))
    return options, position
