"""Segmenters with one planted fault each, and a sound one.

Not collected by itself, as its name says nothing of tests: `test_planted_faults.py` runs pytest on it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from time import sleep

from faulty_heavy_options import HeavyOptions
from faulty_options import SilentOptions

from zaoju import Options, Segmenter
from zaoju.testing import SegmenterContract


class SoundSegmenter(Segmenter[Options]):
    def segment(self, text: str) -> list[str]:
        return list(text)


class WidthChanging(Segmenter[Options]):
    def segment(self, text: str) -> list[str]:
        return [chr(ord(one) - 0xFEE0) if "！" <= one <= "～" else one for one in text]


class Dropping(Segmenter[Options]):
    def segment(self, text: str) -> list[str]:
        return [one for one in text if ord(one) < 0x10000]


class Dicing(Segmenter[Options]):
    def segment(self, text: str) -> list[str]:
        cut = random.randint(0, len(text))
        return [text[:cut], text[cut:]]


class Remembering(Segmenter[Options]):
    """Cuts a character off only where it has seen it before."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.seen: set[str] = set()

    def segment(self, text: str) -> list[str]:
        known = text[:1] in self.seen
        self.seen.update(text)
        return [text[:1], text[1:]] if known else [text]


class ByHash(Segmenter[Options]):
    """Depends on the order of a set of texts, which is another one in each process."""

    def segment(self, text: str) -> list[str]:
        middle = hash(text) % (len(text) + 1)
        return [text[:middle], text[middle:]]


class Recursive(Segmenter[Options]):
    def segment(self, text: str) -> list[str]:
        return [text[0], *self.segment(text[1:])] if text else []


class OtherBatch(Segmenter[Options]):
    def segment(self, text: str) -> list[str]:
        return [text]

    def segment_batch(self, texts: Sequence[str]) -> list[list[str]]:
        return [list(text) for text in texts]


class Sharing(Segmenter[Options]):
    """Keeps the text in the object, where another thread puts its own."""

    def segment(self, text: str) -> list[str]:
        self.text = text
        sleep(0.001)  # another thread's turn
        return list(self.text)


class Undescribed(Segmenter[SilentOptions]):
    def segment(self, text: str) -> list[str]:
        return [text]


class Heavy(Segmenter[HeavyOptions]):
    def segment(self, text: str) -> list[str]:
        return [text]


class TestSoundSegmenter(SegmenterContract):
    make = SoundSegmenter


class TestFunction(SegmenterContract):
    @staticmethod
    def make() -> SoundSegmenter:
        return SoundSegmenter(Options())


class TestWidthChanging(SegmenterContract):
    make = WidthChanging


class TestDropping(SegmenterContract):
    make = Dropping


class TestDicing(SegmenterContract):
    make = Dicing


class TestRemembering(SegmenterContract):
    make = Remembering


class TestByHash(SegmenterContract):
    make = ByHash


class TestRecursive(SegmenterContract):
    make = Recursive


class TestOtherBatch(SegmenterContract):
    make = OtherBatch


class TestSharing(SegmenterContract):
    make = Sharing


class TestSharingAndSayingSo(SegmenterContract):
    make = Sharing
    thread_safe = False


class TestUndescribed(SegmenterContract):
    make = Undescribed


class TestHeavy(SegmenterContract):
    make = Heavy


class TestUnsaid(SegmenterContract):
    """Says neither a name nor a class."""


class TestWrongKind(SegmenterContract):
    @staticmethod
    def make() -> Options:
        return Options()
