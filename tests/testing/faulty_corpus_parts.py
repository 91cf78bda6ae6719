"""Readers and cleaners with one planted fault each, and a sound one.

Not collected by itself, as its name says nothing of tests: `test_planted_faults.py` runs pytest on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

from zaoju import Cleaner, Document, Dropped, Options, Part, PartedReader, Problem, Reader, Turn
from zaoju.testing import CleanerContract, ReaderContract

CALLS = count()


class SoundReader(Reader[Options]):
    texts: Sequence[str] = ("春", "夏", "秋", "冬")

    def read(self) -> Iterator[Document | Problem]:
        for number, text in enumerate(self.texts):
            yield Document(text, f"season {number}")

    def fingerprint(self) -> str:
        return "seasons 1"


class Unordered(SoundReader):
    def read(self) -> Iterator[Document | Problem]:
        documents = list(super().read())
        first = next(CALLS) % len(documents)
        yield from documents[first:] + documents[:first]


class ReadOnce(SoundReader):
    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.left = super().read()

    def read(self) -> Iterator[Document | Problem]:
        yield from self.left


class Drifting(SoundReader):
    def fingerprint(self) -> str:
        return f"seasons {next(CALLS)}"


class Nameless(SoundReader):
    def read(self) -> Iterator[Document | Problem]:
        yield from (Document(text, "") for text in self.texts)


class Silent(SoundReader):
    def read(self) -> Iterator[Document | Problem]:
        yield Document.of_turns([Turn("user", "春"), Turn("assistant", "秋")], "talk 1")


class SoundParts(PartedReader[Options]):
    def parts(self) -> list[Part]:
        return [Part(f"half {start}", 6, {"start": start}) for start in (0, 2)]

    def read_part(self, part: Part) -> Iterator[Document | Problem]:
        start = part.place["start"]
        assert isinstance(start, int)
        for number, text in enumerate("春夏秋冬"[start : start + 2], start):
            yield Document(text, f"season {number}")

    def fingerprint(self) -> str:
        return "seasons 1"


class PartsThatLose(SoundParts):
    def read(self) -> Iterator[Document | Problem]:
        yield from super().read()
        yield Document("闰月", "season 4")


class PartsThatDepend(SoundParts):
    """Reads on from where the last part ended, whatever part is asked for."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.next = 0

    def read_part(self, part: Part) -> Iterator[Document | Problem]:
        yield from super().read_part(self.parts()[self.next % 2])
        self.next += 1


class TestSoundReader(ReaderContract):
    make = SoundReader


class TestUnordered(ReaderContract):
    make = Unordered


class TestReadOnce(ReaderContract):
    make = ReadOnce


class TestDrifting(ReaderContract):
    make = Drifting


class TestNameless(ReaderContract):
    make = Nameless


class TestSilent(ReaderContract):
    make = Silent


class TestSoundParts(ReaderContract):
    make = SoundParts


class TestPartsThatLose(ReaderContract):
    make = PartsThatLose


class TestPartsThatDepend(ReaderContract):
    make = PartsThatDepend


class SoundCleaner(Cleaner[Options]):
    def clean(self, text: str) -> str | Dropped:
        return text.strip() or Dropped("empty")


class OnlyOnce(Cleaner[Options]):
    def clean(self, text: str) -> str | Dropped:
        return text.replace("哈哈", "哈")


class Wordy(Cleaner[Options]):
    def clean(self, text: str) -> str | Dropped:
        return text if len(text) > 5 else Dropped(f"the text {text!r} is too short")


class Counting(Cleaner[Options]):
    """Drops every other document."""

    def clean(self, text: str) -> str | Dropped:
        return text if next(CALLS) % 2 else Dropped("other")


class TestSoundCleaner(CleanerContract):
    make = SoundCleaner


class TestOnlyOnce(CleanerContract):
    make = OnlyOnce


class TestWordy(CleanerContract):
    make = Wordy


class TestCounting(CleanerContract):
    make = Counting
