"""Constraints with one planted fault each, and a sound one; and strategies.

Not collected by itself, as its name says nothing of tests: `test_planted_faults.py` runs pytest on it.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

import torch
from faulty_options import WordOptions

from zaoju import Constraint, Matcher, Strategy, TokenTable
from zaoju.testing import ConstraintContract, StrategyContract


class Along(Matcher):
    """Follows a text byte by byte. Each of its methods is there to be broken."""

    def __init__(self, text: bytes, table: TokenTable, done: int = 0) -> None:
        self.text, self.table, self.done = text, table, done

    def allowed(self) -> torch.Tensor:
        mask = torch.tensor([self.fits(self.table.bytes_of(token)) for token in range(self.table.size)])
        mask[self.table.end_of_text] = self.may_end()
        return mask

    def fits(self, token: bytes | None) -> bool:
        return token is not None and self.text[self.done :].startswith(token)

    def may_end(self) -> bool:
        return self.done == len(self.text)

    def accept(self, token: int) -> None:
        self.done += len(self.table.bytes_of(token) or b"")

    def fork(self) -> Self:
        return type(self)(self.text, self.table, self.done)


class Word(Constraint[WordOptions]):
    """The text is the word."""

    matcher: type[Along] = Along

    def compile(self, table: TokenTable) -> Matcher:
        return self.matcher(self.options.word.encode(), table)


class EndsEarly(Along):
    def may_end(self) -> bool:
        return self.done > 0


class NeverEnds(Along):
    def may_end(self) -> bool:
        return False


class SharesForks(Along):
    def fork(self) -> Self:
        return self


class AllowsPadding(Along):
    def fits(self, token: bytes | None) -> bool:
        return token is None or super().fits(token)


class Numbers(Along):
    """A mask of numbers."""

    def allowed(self) -> torch.Tensor:
        return super().allowed().to(torch.int64)


class Restless(Along):
    """Moves on when it is asked."""

    def allowed(self) -> torch.Tensor:
        mask = super().allowed()
        self.done = min(self.done + 1, len(self.text))
        return mask


class DeadEnd(Along):
    """Counts characters where it should count bytes."""

    def accept(self, token: int) -> None:
        super().accept(token)
        if self.done == len(self.text):
            self.done += 1


class OtherEveryTime(Along):
    """Numbers its objects, and treats them differently."""

    numbers: ClassVar[itertools.count[int]] = itertools.count()

    def __init__(self, text: bytes, table: TokenTable, done: int = 0, number: int | None = None) -> None:
        super().__init__(text, table, done)
        self.number = next(self.numbers) if number is None else number

    def fits(self, token: bytes | None) -> bool:
        return super().fits(token) and (self.number % 2 == 0 or token is None or len(token) == 1)

    def fork(self) -> Self:
        return type(self)(self.text, self.table, self.done, self.number)


class WordEndsEarly(Word):
    matcher = EndsEarly


class WordNeverEnds(Word):
    matcher = NeverEnds


class WordSharesForks(Word):
    matcher = SharesForks


class WordAllowsPadding(Word):
    matcher = AllowsPadding


class WordNumbers(Word):
    matcher = Numbers


class WordRestless(Word):
    matcher = Restless


class WordDeadEnd(Word):
    matcher = DeadEnd


class WordOtherEveryTime(Word):
    matcher = OtherEveryTime


class WordContract(ConstraintContract):
    options = WordOptions()
    examples: ClassVar[Sequence[str]] = ["今天"]
    counterexamples: ClassVar[Sequence[str]] = ["", "今", "今天天", "我"]

    def matches(self, text: str) -> bool:
        return text == "今天"


class TestWord(WordContract):
    make = Word


class TestEndsEarly(WordContract):
    make = WordEndsEarly


class TestNeverEnds(WordContract):
    make = WordNeverEnds


class TestSharesForks(WordContract):
    make = WordSharesForks


class TestAllowsPadding(WordContract):
    make = WordAllowsPadding


class TestNumbers(WordContract):
    make = WordNumbers


class TestRestless(WordContract):
    make = WordRestless


class TestDeadEnd(WordContract):
    make = WordDeadEnd


class TestOtherEveryTime(WordContract):
    make = WordOtherEveryTime


class TestWithoutExamples(WordContract):
    make = Word
    examples: ClassVar[Sequence[str]] = []


class Mixture(Strategy):
    chain = ("temperature", "top_k")
    defaults: ClassVar[Mapping[str, object]] = {"temperature": 0.7}


class Unknown(Mixture):
    chain = ("temperature", "top_of_the_hill")


class Twice(Mixture):
    chain = ("temperature", "top_k", "temperature")


class Stray(Mixture):
    defaults: ClassVar[Mapping[str, object]] = {"top_p": 0.5}


class TestMixture(StrategyContract):
    make = Mixture


class TestUnknown(StrategyContract):
    make = Unknown


class TestTwice(StrategyContract):
    make = Twice


class TestStray(StrategyContract):
    make = Stray
