"""The account while it is being filled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from zaoju.contracts import Cleaned, Cleaner, Document, Dropped, Options, Problem
from zaoju.corpus.account import Account, Count
from zaoju.errors import PluginError

PROBLEMS_LISTED = 100
"""How many problems an account or a message holds in full."""

_EMPTY = "zaoju: empty"


class Tally:
    """Cleans documents and keeps count of what becomes of each."""

    def __init__(self, cleaners: Sequence[tuple[str, Cleaner[Options]]]) -> None:
        self._cleaners = cleaners
        self._read = Count()
        self._duplicates = Count()
        self._removed: Counter[str] = Counter()
        self._changes: Counter[str] = Counter()
        self._dropped: dict[str, Count] = {}
        self._problems: list[Problem] = []
        self._problem_count = 0
        self._problem_bytes = 0

    def problem(self, problem: Problem) -> None:
        """Count something that could not become a document; only the first ones are kept in full."""
        self._problem_count += 1
        self._problem_bytes += problem.bytes
        if len(self._problems) < PROBLEMS_LISTED:
            self._problems.append(problem)

    def clean(self, document: Document) -> tuple[str, dict[str, int], dict[str, int]] | None:
        """The cleaned text, what each cleaner took out of it, and how often each of their rules changed it.

        None where a cleaner drops the document.
        """
        self._read += Count(1, len(document.text))
        text, removed, changes = document.text, dict[str, int](), dict[str, int]()
        for name, cleaner in self._cleaners:
            result = cleaner.clean(text)
            if isinstance(result, Dropped):
                self._drop(f"{name}: {result.reason}", document)
                return None
            if isinstance(result, Cleaned):
                changes |= {f"{name}: {rule}": times for rule, times in result.changes.items()}
                result = result.text
            if not isinstance(result, str):
                raise PluginError(
                    f"cleaner {name!r} returned {type(result).__name__} for {document.source};"
                    " a cleaner returns the text, `Cleaned(text, changes)` or `Dropped(reason)`"
                )
            removed[name] = len(text) - len(result)
            text = result
        if not text:
            self._drop(_EMPTY, document)
            return None
        return text, removed, changes

    def keep(self, removed: dict[str, int], changes: dict[str, int]) -> None:
        """A cleaned document is kept."""
        self._removed.update(removed)
        self._changes.update(changes)

    def duplicate(self, document: Document) -> None:
        """A document is left out because its cleaned text has come before."""
        self._duplicates += Count(1, len(document.text))

    def account(self, train: Count, held_out: Count, bytes_read: int | None) -> Account:
        """The account, once it is known how much was kept."""
        return Account(
            read=self._read,
            train=train,
            held_out=held_out,
            removed=dict(self._removed),
            changes=dict(self._changes),
            dropped=self._dropped,
            duplicates=self._duplicates,
            bytes_read=bytes_read,
            problems=tuple(self._problems),
            problem_count=self._problem_count,
            problem_bytes=self._problem_bytes,
        )

    def _drop(self, rule: str, document: Document) -> None:
        self._dropped[rule] = self._dropped.get(rule, Count()) + Count(1, len(document.text))
