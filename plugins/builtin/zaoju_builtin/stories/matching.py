"""The exact probability of a text: every way in which the grammar can write it, summed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from zaoju_builtin.stories.grammar import Entry, Grammar, WordList, walk
from zaoju_builtin.stories.template import Choice, Declare, Draw, Literal, Mention, Node, Template

Bindings = dict[str, Entry | str]
"""What a partial derivation remembers: a variable's entry, or only the name of its list when it is just declared."""

State = tuple[int, Bindings, float]
"""End position in the text, bindings, log-probability in nats of one way to get there."""


class Matcher:
    """Recognises the texts of one grammar. Reading a text changes nothing, so a matcher may be shared by threads."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._closed = _closed_lists(grammar)
        self._literal = {name: _literal_index(words) for name, words in grammar.lists.items()}

    def log_probability(self, text: str) -> float | None:
        """Log-probability (nats) of `text` over all its derivations; None if the grammar cannot write it."""
        reading = _Reading(self._grammar, self._closed, self._literal, text)
        return _log_sum(cost for end, _, cost in reading.sequence(self._grammar.start, 0, 0, {}) if end == len(text))


class _LiteralIndex:
    """A list's form whose every entry is one fixed text: looked up by length instead of tried one by one."""

    def __init__(self, entries: Iterable[tuple[str, Entry]]) -> None:
        self.by_text: dict[str, list[Entry]] = {}
        for text, entry in entries:
            self.by_text.setdefault(text, []).append(entry)
        self.lengths = sorted({len(text) for text in self.by_text})

    def find(self, text: str, start: int) -> Iterator[Entry]:
        for length in self.lengths:
            yield from self.by_text.get(text[start : start + length], ())


class _Reading:
    """One text being recognised, with what is already known about its closed parts."""

    def __init__(
        self, grammar: Grammar, closed: frozenset[str], literal: dict[str, dict[str, _LiteralIndex]], text: str
    ) -> None:
        self.grammar = grammar
        self.closed = closed
        self.literal = literal
        self.text = text
        self.known: dict[tuple[str, int], list[tuple[int, float]]] = {}

    def sequence(self, template: Template, index: int, start: int, bindings: Bindings) -> Iterator[State]:
        """Every way to read `template[index:]` from `start`."""
        if index == len(template):
            yield start, bindings, 0.0
            return
        for middle, bound, cost in self.node(template[index], start, bindings):
            for end, last, rest in self.sequence(template, index + 1, middle, bound):
                yield end, last, cost + rest

    def node(self, node: Node, start: int, bindings: Bindings) -> Iterator[State]:
        match node:
            case Literal():
                if self.text.startswith(node.text, start):
                    yield start + len(node.text), bindings, 0.0
            case Draw():
                yield from self.draw(node.list_name, start, bindings)
            case Mention():
                yield from self.mention(node, start, bindings)
            case Declare():
                yield start, {**bindings, node.variable: node.list_name}, 0.0
            case Choice():
                yield from self.any_of(node.options, start, bindings)

    def draw(self, list_name: str, start: int, bindings: Bindings) -> Iterator[State]:
        if list_name not in self.closed:
            yield from self.fresh(list_name, start, bindings)
            return
        if (list_name, start) not in self.known:
            ends: dict[int, list[float]] = {}
            for end, _, cost in self.fresh(list_name, start, {}):
                ends.setdefault(end, []).append(cost)
            self.known[list_name, start] = [(end, math.log(sum(map(math.exp, costs)))) for end, costs in ends.items()]
        for end, cost in self.known[list_name, start]:
            yield end, bindings, cost

    def fresh(self, list_name: str, start: int, bindings: Bindings) -> Iterator[State]:
        words = self.grammar.lists[list_name]
        for entry in self.candidates(words, "text", start):
            share = math.log(entry.weight / words.total)
            for end, bound, cost in self.any_of(entry.forms["text"], start, bindings):
                yield end, bound, share + cost

    def mention(self, node: Mention, start: int, bindings: Bindings) -> Iterator[State]:
        bound = bindings.get(node.variable)
        if isinstance(bound, Entry):
            yield from self.any_of(bound.forms[node.form], start, bindings)
            return
        words = self.grammar.lists[bound or self.grammar.list_of(node.variable)]
        taken = [entry for entry in bindings.values() if isinstance(entry, Entry)]
        free_weight = sum(entry.weight for entry in words.entries if entry not in taken)
        for entry in self.candidates(words, node.form, start):
            if entry not in taken:
                share = math.log(entry.weight / free_weight)
                templates = entry.forms[node.form]
                for end, last, cost in self.any_of(templates, start, {**bindings, node.variable: entry}):
                    yield end, last, share + cost

    def candidates(self, words: WordList, form: str, start: int) -> Iterable[Entry]:
        """Entries that may be written at `start`: by look-up where the form is fixed text, else all of them."""
        index = self.literal[words.name].get(form)
        return index.find(self.text, start) if index else words.entries

    def any_of(self, templates: Sequence[Template], start: int, bindings: Bindings) -> Iterator[State]:
        """Every way to read one of equally likely templates."""
        share = -math.log(len(templates))
        for template in templates:
            for end, bound, cost in self.sequence(template, 0, start, bindings):
                yield end, bound, share + cost


def _log_sum(costs: Iterable[float]) -> float | None:
    found = list(costs)
    if not found:
        return None
    highest = max(found)
    return highest + math.log(sum(math.exp(cost - highest) for cost in found))


def _literal_index(words: WordList) -> dict[str, _LiteralIndex]:
    """An index for every form that is one fixed text in every entry."""
    index = {}
    for form in words.entries[0].forms:
        texts = [_fixed_text(entry.forms.get(form, ())) for entry in words.entries]
        if all(text is not None for text in texts):
            pairs = zip(texts, words.entries, strict=True)
            index[form] = _LiteralIndex((text, entry) for text, entry in pairs if text is not None)
    return index


def _fixed_text(templates: tuple[Template, ...]) -> str | None:
    match templates:
        case ((Literal(text),),):
            return text
    return None


def _closed_lists(grammar: Grammar) -> frozenset[str]:
    """Lists that neither read nor change a binding, however deep: what they match depends on the position alone."""
    nodes = {
        name: [node for entry in words.entries for template in entry.forms["text"] for node in walk(template)]
        for name, words in grammar.lists.items()
        if all("text" in entry.forms for entry in words.entries)
    }
    closed = {name for name, found in nodes.items() if not any(isinstance(node, Mention | Declare) for node in found)}
    while True:
        still = {
            name for name in closed if all(node.list_name in closed for node in nodes[name] if isinstance(node, Draw))
        }
        if still == closed:
            return frozenset(closed)
        closed = still
