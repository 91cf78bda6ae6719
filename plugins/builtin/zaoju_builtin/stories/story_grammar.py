"""The bundled corpus: a grammar of small modern-Chinese stories whose entropy is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from zaoju_builtin.stories.lexicon import load_grammar
from zaoju_builtin.stories.matching import Matcher
from zaoju_builtin.stories.sampling import derive, random_chooser


@dataclass(frozen=True, slots=True)
class Story:
    """One story and the log-probability, in nats, with which the grammar writes it."""

    text: str
    log_probability: float


class StoryGrammar:
    """Any number of stories, the same for the same seed, each with its exact probability.

    Because the probability of every story is known, the mean of ``-log_probability`` per character over held-out
    stories is the lowest cross-entropy that any model can reach on them. No story is the beginning of another one, so
    the end of a story costs nothing.
    """

    def __init__(self) -> None:
        self._grammar = load_grammar()
        self._matcher = Matcher(self._grammar)

    def story(self, seed: int, index: int) -> Story:
        """The story number `index` of `seed`: a pure function of the two, on every platform."""
        return Story(*derive(self._grammar, random_chooser(f"zaoju stories {seed} {index}")))

    def stories(self, seed: int, count: int) -> Iterator[Story]:
        """The first `count` stories of `seed`."""
        return (self.story(seed, index) for index in range(count))

    def log_probability(self, text: str) -> float | None:
        """Log-probability (nats) of `text`, summed over all ways to write it; None if it is not such a story."""
        return self._matcher.log_probability(text)

    def accepts(self, text: str) -> bool:
        """Whether the grammar can write `text`, to the last character."""
        return self.log_probability(text) is not None
