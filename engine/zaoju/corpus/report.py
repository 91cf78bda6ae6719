"""What a person wants to see beside the sums: examples of what was left out, lengths, and each source by itself."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from zaoju.corpus.account import Count
from zaoju.errors import CorpusError

REPORT = "report.json"
SOURCES = "sources.jsonl"

EXACT_DUPLICATE = "exact duplicate"
NEAR_DUPLICATE = "near duplicate"
"""The rules of the engine's own, beside `cleaner: reason`."""

EXAMPLES_A_RULE = 5
EXAMPLE_CHARACTERS = 200
_LENGTH_CLASSES = 33


@dataclass(frozen=True, slots=True, order=True)
class Example:
    """A document that a rule left out."""

    rank: str
    """A hash of the text, by which a few are chosen of many: the same few in any order of reading."""

    source: str
    text: str
    """Its beginning, as it was read."""


@dataclass(slots=True)
class Examples:
    """A few documents for each rule, whatever their number."""

    of: dict[str, list[Example]] = field(default_factory=dict)
    """By rule, in the order of their ranks."""

    def wanted(self, rule: str, rank: str) -> bool:
        """Whether a document of this rank would be among the few."""
        chosen = self.of.get(rule, [])
        return len(chosen) < EXAMPLES_A_RULE or rank < chosen[-1].rank

    def add(self, rule: str, rank: str, source: str, text: str) -> None:
        """Offer a document."""
        if self.wanted(rule, rank):
            self._merge(rule, [Example(rank, source, text[:EXAMPLE_CHARACTERS])])

    def update(self, other: Examples) -> None:
        """Offer all that another has."""
        for rule, examples in other.of.items():
            self._merge(rule, examples)

    def _merge(self, rule: str, examples: list[Example]) -> None:
        ordered = sorted([*self.of.get(rule, []), *examples], reverse=True)
        of_rank = {example.rank: example for example in ordered}  # of equal texts, the one that comes first
        self.of[rule] = heapq.nsmallest(EXAMPLES_A_RULE, of_rank.values())

    def to_json(self) -> dict[str, Any]:
        """A JSON value, rules in the order of their names."""
        return {rule: [asdict(example) for example in self.of[rule]] for rule in sorted(self.of)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """What `to_json` gave."""
        return cls({rule: [Example(**example) for example in examples] for rule, examples in value.items()})


@dataclass(slots=True)
class Lengths:
    """How many documents have about how many characters."""

    classes: list[int] = field(default_factory=lambda: [0] * _LENGTH_CLASSES)
    """At `k` the number of documents of at least 2**(k-1) and fewer than 2**k characters; at 0 of empty ones."""

    def add(self, characters: int) -> None:
        """Count a document."""
        self.classes[min(characters.bit_length(), _LENGTH_CLASSES - 1)] += 1

    def update(self, other: Lengths) -> None:
        """Count all that another has counted."""
        self.classes = [mine + theirs for mine, theirs in zip(self.classes, other.classes, strict=True)]


@dataclass(frozen=True, slots=True)
class Report:
    """Beside the account: what `report.json` holds."""

    examples: Examples
    """A few documents for each rule that left any out: `cleaner: reason`, `exact duplicate`, `near duplicate`."""

    read_lengths: Lengths
    """Of all documents as they were read."""

    kept_lengths: Lengths
    """Of the documents that are kept, cleaned."""

    def to_json(self) -> dict[str, Any]:
        """A JSON value that `from_json` turns back into the same report."""
        return {
            "examples": self.examples.to_json(),
            "read_lengths": self.read_lengths.classes,
            "kept_lengths": self.kept_lengths.classes,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The report that `to_json` wrote."""
        return cls(
            Examples.from_json(value["examples"]),
            Lengths(list(value["read_lengths"])),
            Lengths(list(value["kept_lengths"])),
        )


@dataclass(slots=True)
class SourceAccount:
    """What became of one source, such as a file: a line of `sources.jsonl`."""

    source: str
    read: Count = field(default_factory=Count)
    train: Count = field(default_factory=Count)
    held_out: Count = field(default_factory=Count)
    dropped: Count = field(default_factory=Count)
    """Left out by cleaners, with the characters as they were read."""

    duplicates: Count = field(default_factory=Count)
    near_duplicates: Count = field(default_factory=Count)
    removed: int = 0
    """Characters that cleaners took out of documents that are kept."""

    replaced_bytes: int = 0
    problems: int = 0

    def update(self, other: SourceAccount) -> None:
        """Add what became of another piece of the same source."""
        for name in ("read", "train", "held_out", "dropped", "duplicates", "near_duplicates"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.removed += other.removed
        self.replaced_bytes += other.replaced_bytes
        self.problems += other.problems

    @property
    def balanced(self) -> bool:
        """Whether everything that was read is accounted for, to the last character."""
        left_out = self.dropped + self.duplicates + self.near_duplicates
        return self.train + self.held_out + left_out + Count(0, self.removed) == self.read

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The account of which `dataclasses.asdict` gave the JSON value."""
        counts: dict[str, Any] = {
            name: Count(**held) if isinstance(held, dict) else held for name, held in value.items()
        }
        return cls(**counts)


def read_report(folder: Path) -> Report:
    """The report in the folder of a prepared corpus. Raises `CorpusError` where there is none."""
    try:
        return Report.from_json(json.loads((folder / REPORT).read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorpusError(f"{folder / REPORT} cannot be read: {error}; run `zaoju prepare` again") from None


def read_sources(folder: Path) -> Iterator[SourceAccount]:
    """The account of each source, in the order of reading. Raises `CorpusError` where there is none."""
    try:
        with (folder / SOURCES).open(encoding="utf-8", newline="\n") as file:
            for line in file:
                yield SourceAccount.from_json(json.loads(line))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorpusError(f"{folder / SOURCES} cannot be read: {error}; run `zaoju prepare` again") from None
