"""Drawing a text from a grammar, with the probability of every choice on the way."""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate

from zaoju_builtin.stories.grammar import Entry, Grammar
from zaoju_builtin.stories.template import Choice, Declare, Draw, Literal, Mention, Template

Chooser = Callable[[Sequence[float]], int]
"""Takes cumulative weights, returns the index of the chosen one."""


def random_chooser(seed_text: str) -> Chooser:
    """A chooser that depends on `seed_text` alone.

    Python promises that `random.Random` seeded with a string (hashed by SHA-512) and read through `random()` gives
    the same numbers on every platform and in later versions.
    """
    uniform = random.Random(seed_text).random

    def choose(cumulative: Sequence[float]) -> int:
        return min(bisect_right(cumulative, uniform() * cumulative[-1]), len(cumulative) - 1)

    return choose


def derive(grammar: Grammar, choose: Chooser) -> tuple[str, float]:
    """Write one text; return it with the log-probability (nats) of the choices that led to it."""
    derivation = _Derivation(grammar, choose)
    derivation.write(grammar.start)
    return "".join(derivation.pieces), derivation.log_probability


class _Derivation:
    """One text in the making: what is written, what is bound, what it cost."""

    def __init__(self, grammar: Grammar, choose: Chooser) -> None:
        self.grammar = grammar
        self.choose = choose
        self.pieces: list[str] = []
        self.log_probability = 0.0
        self.list_of: dict[str, str] = {}
        self.bound: dict[str, Entry] = {}

    def write(self, template: Template) -> None:
        for node in template:
            match node:
                case Literal():
                    self.pieces.append(node.text)
                case Draw():
                    word_list = self.grammar.lists[node.list_name]
                    entry = word_list.entries[self._pick(word_list.cumulative)]
                    self._write_any(entry.forms["text"])
                case Mention():
                    self._write_any(self._entry(node.variable).forms[node.form])
                case Declare():
                    self.list_of[node.variable] = node.list_name
                    self.bound.pop(node.variable, None)
                case Choice():
                    self._write_any(node.options)

    def _write_any(self, templates: Sequence[Template]) -> None:
        """Write one of equally likely templates."""
        self.write(templates[self._pick(range(1, len(templates) + 1))])

    def _entry(self, variable: str) -> Entry:
        """The entry of a variable, drawn now if this is its first mention."""
        if variable not in self.bound:
            word_list = self.grammar.lists[self.list_of.get(variable) or self.grammar.list_of(variable)]
            taken = self.bound.values()
            free = [entry for entry in word_list.entries if entry not in taken] if taken else word_list.entries
            self.bound[variable] = free[self._pick(tuple(accumulate(entry.weight for entry in free)))]
        return self.bound[variable]

    def _pick(self, cumulative: Sequence[float]) -> int:
        if len(cumulative) == 1:
            return 0
        chosen = self.choose(cumulative)
        before = cumulative[chosen - 1] if chosen else 0.0
        self.log_probability += math.log((cumulative[chosen] - before) / cumulative[-1])
        return chosen
