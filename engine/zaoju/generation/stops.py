"""Stop strings: where a text ends because of what it says."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Self

from zaoju.errors import UserError


class StopStrings:
    """Watches one text, piece by piece, for the strings that end it.

    Only text after the prompt is seen here. What is held back is never more than the longest end of the text that
    may yet become a stop string. The string that is complete first ends the text; of two that are complete at the same
    character, the longer. So the result does not depend on how the text was cut into pieces.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        if "" in stops:
            raise UserError("a stop string is empty, and every text contains it: leave it out")
        self._stops = tuple(stops)
        self._longest = max(map(len, self._stops), default=0)
        self._held = ""
        self.found: str | None = None
        """The stop string that ended the text."""

    def push(self, text: str) -> str:
        """Take in the next piece: the text that is now certain. Empty once a stop string was found."""
        if self.found is not None:
            return ""
        pending = self._held + text
        ends = [(start + len(stop), start, stop) for stop in self._stops if (start := pending.find(stop)) >= 0]
        if ends:
            _, start, self.found = min(ends)
            self._held = ""
            return pending[:start]
        kept = len(pending) - self._undecided(pending)
        self._held = pending[kept:]
        return pending[:kept]

    def fork(self) -> Self:
        """A watcher at the same place that goes on by itself."""
        return copy.copy(self)

    def flush(self) -> str:
        """The text ends for another reason: what was held back."""
        held, self._held = self._held, ""
        return held

    def _undecided(self, text: str) -> int:
        """The length of the longest end of `text` that a stop string begins with."""
        for length in range(min(len(text), self._longest - 1), 0, -1):
            if any(stop.startswith(text[-length:]) for stop in self._stops):
                return length
        return 0
