"""Random texts: the same ones in every run, and no limit on time, so that no check fails by chance."""

from __future__ import annotations

from collections.abc import Callable

from zaoju.testing.hostile_text import HOSTILE_CHARACTERS, HOSTILE_TEXTS
from zaoju.testing.requirements import hypothesis

_PIECES = [text for text in HOSTILE_TEXTS.values() if 0 < len(text) < 100]
_SLOW = [hypothesis.HealthCheck.too_slow]


def for_random_texts(check: Callable[[str], None], examples: int = 100) -> None:
    """Call `check` with many short texts of hostile characters; what fails is shrunk to its smallest form."""
    strategies = hypothesis.strategies
    hostile = strategies.text(strategies.sampled_from(HOSTILE_CHARACTERS), max_size=30)
    any_character = strategies.text(max_size=20)
    texts = strategies.lists(hostile | any_character | strategies.sampled_from(_PIECES), max_size=4).map("".join)

    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=_SLOW,
    )
    @hypothesis.given(texts)
    def checked(text: str) -> None:
        check(text)

    checked()
