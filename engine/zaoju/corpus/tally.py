"""What becomes of each document before the corpus is looked at as a whole: read, cleaned, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from zaoju.contracts import Cleaned, Cleaner, Document, Dropped, Options, Problem
from zaoju.corpus.account import Count
from zaoju.corpus.held_out import text_digest
from zaoju.corpus.report import Examples, Lengths, SourceAccount
from zaoju.errors import PluginError

PROBLEMS_LISTED = 100
"""How many problems an account or a message holds in full."""

_EMPTY = "zaoju: empty"


@dataclass(slots=True)
class ProblemList:
    """All problems as numbers, and the first of them in full."""

    count: int = 0
    bytes: int = 0
    first: list[Problem] = field(default_factory=list)

    def add(self, problem: Problem) -> None:
        """Count a problem."""
        self.count += 1
        self.bytes += problem.bytes
        if len(self.first) < PROBLEMS_LISTED:
            self.first.append(problem)

    def update(self, later: ProblemList) -> None:
        """Count all that another list has, as coming after those of this one."""
        self.count += later.count
        self.bytes += later.bytes
        self.first += later.first[: PROBLEMS_LISTED - len(self.first)]

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The list of which `dataclasses.asdict` gave the JSON value."""
        return cls(value["count"], value["bytes"], [Problem(**problem) for problem in value["first"]])


@dataclass(slots=True)
class Tally:
    """The sums over documents as they are read, and over those that cleaners drop. Tallies of parts can be joined."""

    dropped: dict[str, Count] = field(default_factory=dict)
    """By `cleaner: reason`, with the characters as they were read."""

    stopping: ProblemList = field(default_factory=ProblemList)
    """Problems through which text is lost."""

    harmless: ProblemList = field(default_factory=ProblemList)
    """The others."""

    problems: ProblemList = field(default_factory=ProblemList)
    """Both, in the order in which they came."""

    examples: Examples = field(default_factory=Examples)
    read_lengths: Lengths = field(default_factory=Lengths)

    def update(self, later: Tally) -> None:
        """Add the sums of what was read after this."""
        for rule, count in later.dropped.items():
            self.dropped[rule] = self.dropped.get(rule, Count()) + count
        self.stopping.update(later.stopping)
        self.harmless.update(later.harmless)
        self.problems.update(later.problems)
        self.examples.update(later.examples)
        self.read_lengths.update(later.read_lengths)

    def to_json(self) -> dict[str, Any]:
        """A JSON value that `from_json` turns back into the same tally."""
        return {
            "dropped": {rule: asdict(count) for rule, count in self.dropped.items()},
            "stopping": asdict(self.stopping),
            "harmless": asdict(self.harmless),
            "problems": asdict(self.problems),
            "examples": self.examples.to_json(),
            "read_lengths": self.read_lengths.classes,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The tally that `to_json` wrote."""
        return cls(
            dropped={rule: Count(**count) for rule, count in value["dropped"].items()},
            stopping=ProblemList.from_json(value["stopping"]),
            harmless=ProblemList.from_json(value["harmless"]),
            problems=ProblemList.from_json(value["problems"]),
            examples=Examples.from_json(value["examples"]),
            read_lengths=Lengths(value["read_lengths"]),
        )


class CountingCleaner:
    """Cleans documents one by one and keeps count of what becomes of each."""

    def __init__(self, cleaners: Sequence[tuple[str, Cleaner[Options]]]) -> None:
        self._cleaners = cleaners
        self.tally = Tally()

    def problem(self, problem: Problem, source: SourceAccount) -> None:
        """Count something that could not become a document."""
        source.problems += 1
        self.tally.problems.add(problem)
        (self.tally.stopping if problem.stops else self.tally.harmless).add(problem)

    def clean(self, document: Document, source: SourceAccount) -> tuple[Document, list[int], dict[str, int]] | None:
        """The cleaned document, what each cleaner took out of it, and how often each of their rules changed it.

        None where a cleaner drops the document. Raises `PluginError` where a cleaner gives what it must not.
        """
        cleaned, removed, changes = document, list[int](), Counter[str]()
        source.read += Count(1, len(document.text))
        source.replaced_bytes += document.replaced_bytes
        self.tally.read_lengths.add(len(document.text))
        for name, cleaner in self._cleaners:
            result = _apply(name, cleaner, cleaned, changes)
            if isinstance(result, Dropped):
                self._drop(f"{name}: {result.reason}", document, source)
                return None
            removed.append(len(cleaned.text) - len(result.text))
            cleaned = result
        if not cleaned.text or not all(turn.text for turn in cleaned.turns):
            self._drop(_EMPTY, document, source)
            return None
        return cleaned, removed, dict(changes)

    def _drop(self, rule: str, document: Document, source: SourceAccount) -> None:
        count = Count(1, len(document.text))
        source.dropped += count
        self.tally.dropped[rule] = self.tally.dropped.get(rule, Count()) + count
        self.tally.examples.add(rule, text_digest(document.text).hex(), document.source, document.text)


def _apply(name: str, cleaner: Cleaner[Options], document: Document, changes: Counter[str]) -> Document | Dropped:
    """The document after one cleaner; `changes` are counted up.

    Of a conversation each turn is cleaned by itself, so no rule can reach over a turn's end. Whether to drop it is
    asked about all turns together: a short answer is no short document.
    """
    if not document.turns:
        result = _checked(name, cleaner.clean(document.text), document)
        if isinstance(result, Dropped):
            return result
        changes.update(_named(name, result))
        return replace(document, text=result.text)
    turns = []
    for turn in document.turns:
        result = _checked(name, cleaner.clean(turn.text), document)
        if isinstance(result, Cleaned):
            changes.update(_named(name, result))
            turn = replace(turn, text=result.text)
        turns.append(turn)
    cleaned = Document.of_turns(turns, document.source, document.replaced_bytes)
    verdict = _checked(name, cleaner.clean(cleaned.text), document)
    return verdict if isinstance(verdict, Dropped) else cleaned


def _checked(name: str, result: object, document: Document) -> Cleaned | Dropped:
    if isinstance(result, str):
        result = Cleaned(result)
    if not isinstance(result, Cleaned | Dropped) or (isinstance(result, Cleaned) and not isinstance(result.text, str)):
        wrong = result.text if isinstance(result, Cleaned) else result
        raise PluginError(
            f"cleaner {name!r} returned {type(wrong).__name__} for {document.source};"
            " a cleaner returns the text, `Cleaned(text, changes)` or `Dropped(reason)`"
        )
    return result


def _named(name: str, cleaned: Cleaned) -> dict[str, int]:
    """How often the rules of a cleaner changed a text, under its name."""
    return {f"{name}: {rule}": times for rule, times in cleaned.changes.items()}
