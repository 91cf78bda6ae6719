"""The grammar: named lists of weighted entries, each with one or more forms.

A plain word has one form, ``text``; a noun may add ``measure``, a name ``pronoun``, a topic ``wish`` and ``result``.
Nothing here knows how a text is drawn or recognised; `sampling` and `matching` both read this one structure, so they
cannot disagree about what a story is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate

from zaoju_builtin.stories.template import Choice, Declare, Draw, Mention, Template, TemplateError, require_distinct


@dataclass(frozen=True, eq=False)
class Entry:
    """One member of a list: for each form its templates, equally likely.

    Two entries are never equal, so an entry can be remembered by identity.
    """

    forms: Mapping[str, tuple[Template, ...]]
    weight: float = 1.0

    def __post_init__(self) -> None:
        for templates in self.forms.values():
            require_distinct(templates)


@dataclass(frozen=True, eq=False)
class WordList:
    """Entries from which one is drawn, in proportion to its weight."""

    name: str
    entries: tuple[Entry, ...]
    cumulative: tuple[float, ...] = field(init=False)

    def __post_init__(self) -> None:
        if not self.entries:
            raise TemplateError(f"the list {self.name!r} is empty")
        if min(entry.weight for entry in self.entries) <= 0:
            raise TemplateError(f"the list {self.name!r} has a weight that is not positive")
        object.__setattr__(self, "cumulative", tuple(accumulate(entry.weight for entry in self.entries)))

    @property
    def total(self) -> float:
        """Sum of the weights."""
        return self.cumulative[-1]


@dataclass(frozen=True, eq=False)
class Grammar:
    """Lists, the template every text starts from, and which list a variable is drawn from.

    A variable without an entry in `variables` is drawn from the list of its own name. Variables of one list are bound
    to different entries: a story's friend never has the hero's name.
    """

    lists: Mapping[str, WordList]
    start: Template
    variables: Mapping[str, str]

    def __post_init__(self) -> None:
        nodes = [(place, node) for place, template in self._templates() for node in walk(template)]
        sources: dict[str, set[str]] = {}
        for _, node in nodes:
            if isinstance(node, Declare):
                sources.setdefault(node.variable, set()).add(node.list_name)
        for place, node in nodes:
            if isinstance(node, Draw):
                self._require(node.list_name, "text", place)
            elif isinstance(node, Mention):
                for list_name in sources.get(node.variable, {self.list_of(node.variable)}):
                    self._require(list_name, node.form, place)
            elif isinstance(node, Declare):
                self._require(node.list_name, None, place)

    def list_of(self, variable: str) -> str:
        """Name of the list that an undeclared variable is drawn from."""
        return self.variables.get(variable, variable)

    def _templates(self) -> Iterator[tuple[str, Template]]:
        yield "start", self.start
        for word_list in self.lists.values():
            for entry in word_list.entries:
                for form, templates in entry.forms.items():
                    for template in templates:
                        yield f"{word_list.name}.{form}", template

    def _require(self, list_name: str, form: str | None, place: str) -> None:
        if list_name not in self.lists:
            raise TemplateError(f"{place} names the list {list_name!r}, which does not exist")
        if form is not None and any(form not in entry.forms for entry in self.lists[list_name].entries):
            raise TemplateError(f"{place} uses {form!r}, which some entry of {list_name!r} does not have")


def walk(template: Template) -> Iterator[object]:
    """Every node of a template, the nodes inside alternatives included."""
    for node in template:
        yield node
        if isinstance(node, Choice):
            for option in node.options:
                yield from walk(option)
