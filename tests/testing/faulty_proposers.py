"""Proposers with one planted fault each, and a sound one.

Not collected by itself, as its name says nothing of tests: `test_planted_faults.py` runs pytest on it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from faulty_options import CopyOptions

from zaoju import DraftRequest, Proposer
from zaoju.testing import ProposerContract


class Copy(Proposer[CopyOptions]):
    """Proposes what came after the first token of the text."""

    def __init__(self, options: CopyOptions) -> None:
        super().__init__(options)
        self.lengths: dict[int, int] = {}

    def propose(self, texts: Sequence[DraftRequest]) -> Sequence[Sequence[int]]:
        for text in texts:
            self.lengths[text.text] = len(text.tokens)
        return [self.draft(text) for text in texts]

    def draft(self, text: DraftRequest) -> Sequence[int]:
        return text.tokens[1 : 1 + min(self.options.length, text.room)]

    def forget(self, text: int) -> None:
        self.lengths.pop(text, None)


class OverRoom(Copy):
    def draft(self, text: DraftRequest) -> Sequence[int]:
        return text.tokens[1 : 1 + self.options.length]


class UnknownIds(Copy):
    """Goes on counting."""

    def draft(self, text: DraftRequest) -> Sequence[int]:
        return [text.tokens[-1] + 10_000][: text.room]


class OneShort(Copy):
    """Leaves out texts for which it has nothing."""

    def propose(self, texts: Sequence[DraftRequest]) -> Sequence[Sequence[int]]:
        return [draft for draft in super().propose(texts) if draft]


class Guessing(Copy):
    def draft(self, text: DraftRequest) -> Sequence[int]:
        return [random.choice(list(text.tokens))][: text.room]


class Hoarding(Copy):
    """Forgets nothing."""

    def propose(self, texts: Sequence[DraftRequest]) -> Sequence[Sequence[int]]:
        kept = vars(self).setdefault("kept", {})
        for text in texts:
            kept[text.text] = list(text.tokens)
        return super().propose(texts)


class Surprised(Copy):
    """Does not expect to forget what it never saw."""

    def forget(self, text: int) -> None:
        del self.lengths[text]


class Writing(Copy):
    """Writes its guess into the text itself."""

    def draft(self, text: DraftRequest) -> Sequence[int]:
        guess = list(super().draft(text))
        assert isinstance(text.tokens, list)
        text.tokens[-1] = text.tokens[0]
        return guess


class CopyContract(ProposerContract):
    options = CopyOptions()


class TestCopy(CopyContract):
    make = Copy


class TestOverRoom(CopyContract):
    make = OverRoom


class TestUnknownIds(CopyContract):
    make = UnknownIds


class TestOneShort(CopyContract):
    make = OneShort


class TestGuessing(CopyContract):
    make = Guessing


class TestHoarding(CopyContract):
    make = Hoarding


class TestSurprised(CopyContract):
    make = Surprised


class TestWriting(CopyContract):
    make = Writing
