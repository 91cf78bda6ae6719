"""What became of every document and character that went in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from zaoju.contracts import Problem
from zaoju.corpus.telling import problem_lines


@dataclass(frozen=True, slots=True)
class Count:
    """So many documents with so many characters."""

    documents: int = 0
    characters: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.documents + other.documents, self.characters + other.characters)


@dataclass(frozen=True, slots=True)
class Account:
    """Everything that was read is kept, or left out for a reason, and the sums are equal."""

    read: Count
    """What the readers gave, before any cleaning."""

    train: Count
    """Kept for training, after cleaning."""

    held_out: Count
    """Kept for evaluation, never trained on, after cleaning."""

    removed: Mapping[str, int] = field(default_factory=dict)
    """Characters that each cleaner took out of documents that are kept; less than 0 where it added more."""

    changes: Mapping[str, int] = field(default_factory=dict)
    """How often the rules of cleaners changed kept documents, by `cleaner: rule`, for those that say so."""

    dropped: Mapping[str, Count] = field(default_factory=dict)
    """Documents left out, by `cleaner: reason`, with the characters that they had when they were read."""

    duplicates: Count = field(default_factory=Count)
    """Documents left out because their cleaned text had come before, with the characters as they were read."""

    near_duplicates: Count = field(default_factory=Count)
    """Documents left out because almost the same text is kept, with the characters as they were read."""

    replaced_bytes: int = 0
    """Bytes of the source that were no text and stand as U+FFFD in the documents that were read."""

    bytes_read: int | None = None
    """The size of the source; None where a reader does not know it."""

    problems: tuple[Problem, ...] = ()
    """The first things in the source that could not become a document."""

    problem_count: int = 0
    """All of them, also those that `problems` has no room for."""

    problem_bytes: int = 0
    """How many bytes they stand for, where known."""

    @property
    def kept(self) -> Count:
        """What is left for training and evaluation together."""
        return self.train + self.held_out

    @property
    def balanced(self) -> bool:
        """Whether everything that was read is accounted for, to the last character."""
        left_out = sum(self.dropped.values(), start=self.duplicates + self.near_duplicates)
        explained = self.kept + left_out + Count(0, sum(self.removed.values()))
        return explained == self.read

    @property
    def share_kept(self) -> float:
        """The share of the characters that survive the cleaners; duplicates do not count on either side."""
        offered = self.read.characters - self.duplicates.characters - self.near_duplicates.characters
        return self.kept.characters / offered if offered else 0.0

    def lines(self) -> list[str]:
        """The account as a table for a person."""
        rows: list[tuple[str, Count | int | str]] = [("read", self.read)]
        rows += [(f"  dropped by {rule}", count) for rule, count in sorted(self.dropped.items())]
        rows += [("  exact duplicates", self.duplicates)] if self.duplicates.documents else []
        rows += [("  near duplicates", self.near_duplicates)] if self.near_duplicates.documents else []
        rows += [(f"  removed by {name}", count) for name, count in self.removed.items() if count]
        rows += [(f"  changed by {rule}", f"{times:,} times") for rule, times in sorted(self.changes.items()) if times]
        rows += [("kept for training", self.train), ("kept held out", self.held_out)]
        table = _aligned(rows)
        if self.bytes_read is not None:
            table[0] += f"   from {self.bytes_read:,} bytes"
        if self.replaced_bytes:
            table.append(f"replaced by U+FFFD: {self.replaced_bytes:,} bytes that were no text")
        if self.problem_count:
            table.append(f"problems and notices: {self.problem_count:,}, about {self.problem_bytes:,} bytes")
            table += [f"  {line}" for line in problem_lines(self.problems, self.problem_count)]
        return table

    def to_json(self) -> dict[str, Any]:
        """A JSON value that `from_json` turns back into the same account."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The account that `to_json` wrote."""
        return cls(
            read=Count(**value["read"]),
            train=Count(**value["train"]),
            held_out=Count(**value["held_out"]),
            removed=value["removed"],
            changes=value.get("changes", {}),
            duplicates=Count(**value["duplicates"]),
            near_duplicates=Count(**value["near_duplicates"]),
            replaced_bytes=value["replaced_bytes"],
            bytes_read=value["bytes_read"],
            problem_count=value["problem_count"],
            problem_bytes=value["problem_bytes"],
            dropped={rule: Count(**count) for rule, count in value["dropped"].items()},
            problems=tuple(Problem(**problem) for problem in value["problems"]),
        )


def _aligned(rows: list[tuple[str, Count | int | str]]) -> list[str]:
    """One line a row: the name, then documents and characters in columns."""
    cells = [
        (name, f"{count.documents:,} documents", f"{count.characters:,} characters")
        if isinstance(count, Count)
        else (name, "", f"{count:,} characters" if isinstance(count, int) else count)
        for name, count in rows
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        f"{name:<{widths[0]}}  {documents:>{widths[1]}}  {characters:>{widths[2]}}"
        for name, documents, characters in cells
    ]
