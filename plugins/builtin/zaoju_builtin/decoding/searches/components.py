"""What is offered here, by name and import string. Imports nothing heavy."""

from __future__ import annotations

from zaoju import Component

_HOME = "zaoju_builtin.decoding.searches"


def searches() -> list[Component]:
    """The builtin searches."""
    selector, hidden = frozenset({"selector"}), frozenset({"hidden"})
    return [
        _search("beam", "Beam", "Keeps the most probable texts side by side"),
        _search("diverse_beam", "DiverseBeam", "Beam search in groups that shun one another's tokens"),
        _search("contrastive", "Contrastive", "Weighs probability against likeness to the text so far", needs=hidden),
        _search("best_of_n", "BestOfN", "Draws several texts and keeps the most probable", needs=selector),
        _search("guidance", "Guidance", "Leads the text to the prompt and away from another one", needs=selector),
    ]


def _search(name: str, target: str, summary: str, *, needs: frozenset[str] = frozenset()) -> Component:
    """A search in the module of its name; its options are in `options.py`, named after its class."""
    return Component(
        name, f"{_HOME}.{name}:{target}", options=f"{_HOME}.options:{target}Options", summary=summary, needs=needs
    )
