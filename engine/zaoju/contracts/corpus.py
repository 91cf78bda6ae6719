"""The contracts of the corpus stage: readers give documents, cleaners change or drop them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Self, TypeAlias

from zaoju.contracts.options import OptionsT_co


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side says in a conversation."""

    role: str
    """Who speaks: `user`, `assistant` (whose turns a model learns to say) or `system`."""

    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """One text of the corpus. Documents are never joined or split after reading."""

    text: str
    source: str
    """Where it came from, for a person: `poems.jsonl:17`, `stories.txt:120-131`."""

    replaced_bytes: int = 0
    """How many bytes of the source could not be read as text and stand in it as U+FFFD; the account sums them."""

    turns: tuple[Turn, ...] = ()
    """A conversation; `text` is then that of all turns, each on lines of its own. Empty for a plain text."""

    @classmethod
    def of_turns(cls, turns: Sequence[Turn], source: str, replaced_bytes: int = 0) -> Self:
        """The document of a conversation."""
        return cls("\n".join(turn.text for turn in turns), source, replaced_bytes, tuple(turns))


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the source that could not become a document. It is reported, and nothing is lost in silence."""

    source: str
    """The file, and the line where one is known."""

    reason: str
    """What is wrong and what the user can do."""

    bytes: int = 0
    """How many bytes of the source are affected; 0 where that is not known."""

    stops: bool = True
    """False where no text is lost, such as an empty file: it is reported, and the run goes on."""


Place: TypeAlias = Mapping[str, str | int | None]
"""Where a part lies: whatever its reader needs to find it again, in values that JSON has."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a source that can be read by itself, in another process or on another machine."""

    label: str = ""
    """What it is a piece of, such as a file below its folder: all pieces of one file bear the same label, by which the
    account is kept. Empty stands for the reader's name."""

    size: int | None = None
    """How many bytes of the source it stands for; None where that is not known beforehand."""

    place: Place = field(default_factory=dict)
    """Read only by the reader that made the part."""


class Reader(ABC, Generic[OptionsT_co]):
    """A source of documents: files, folders, a generator.

    Paths in the options are already absolute when the reader is built. A source that can be read in several places at
    once is a `PartedReader`.
    """

    def __init__(self, options: OptionsT_co) -> None:
        self.options = options

    @abstractmethod
    def read(self) -> Iterator[Document | Problem]:
        """Every document of the source, in an order that never changes. Memory must not grow with the corpus."""

    @abstractmethod
    def fingerprint(self) -> str:
        """A short text that changes whenever `read` would give other documents, such as a hash of the files."""

    def gives_conversations(self) -> bool:
        """Whether documents have `turns`: the tokenizer then needs marks for them, which it must know beforehand."""
        return False

    def files(self) -> list[Path]:
        """The files that will be read; empty for a source that is not made of files."""
        return []

    def parts(self) -> list[Part]:
        """The source in pieces, in the order of `read`: one, unless the reader says more.

        The pieces follow from the source and the options alone, never from how many processes will read them.
        """
        return [Part()]

    def read_part(self, part: Part) -> Iterator[Document | Problem]:
        """The documents of one of the `parts`. The part may come from another reader with the same options."""
        del part  # the only one there is
        return self.read()


class PartedReader(Reader[OptionsT_co]):
    """A reader whose source falls into parts: it says which there are, and reads one by itself."""

    @abstractmethod
    def parts(self) -> list[Part]:
        """The source in pieces of some megabytes where that can be, in an order that never changes."""

    @abstractmethod
    def read_part(self, part: Part) -> Iterator[Document | Problem]:
        """The documents of one part. Memory must not grow with its size."""

    def read(self) -> Iterator[Document | Problem]:
        """The documents of all parts, one part after the other."""
        for part in self.parts():
            yield from self.read_part(part)


class KnownSource(ABC):
    """A reader whose text has a known probability, so that a model can be compared with the truth.

    A reader that also inherits from this class gets two more lines in the evaluation: how far the model is from the
    entropy of the source, and how many generated texts the source could have written.
    """

    @abstractmethod
    def log_probability(self, text: str) -> float | None:
        """The natural logarithm of the probability that the source writes exactly `text`; None where it cannot."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A cleaner's verdict: this document is not kept, for this reason."""

    reason: str
    """A short rule name that the account sums over, such as `too_short`."""


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A cleaned text, and what was done to it where characters alone do not tell, such as 12 numbers replaced."""

    text: str

    changes: Mapping[str, int] = field(default_factory=dict)
    """How often each rule changed the text. The rules have short names, which the account sums over."""


class Cleaner(ABC, Generic[OptionsT_co]):
    """A rule that changes a document or drops it with a reason.

    It must be idempotent: cleaning a cleaned text changes nothing.
    """

    def __init__(self, options: OptionsT_co) -> None:
        self.options = options

    @abstractmethod
    def clean(self, text: str) -> str | Cleaned | Dropped:
        """The cleaned text, or why the document is dropped; `Cleaned` where the account should count the changes."""
