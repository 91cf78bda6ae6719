"""Runners with one planted fault each, and sound ones.

Not collected by itself, as its name says nothing of tests: `test_planted_faults.py` runs pytest on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import torch

from zaoju.contracts import Runner
from zaoju.errors import CacheFullError
from zaoju.testing import HashRunner, RunnerContract

VOCABULARY, CONTEXT, MOST_ROWS = 50, 36, 12


class Rows(HashRunner):
    """Sound: the logits are a hash of the tokens of the row."""

    def __init__(self) -> None:
        super().__init__(VOCABULARY, CONTEXT)


class PlainRows(Rows):
    """Sound, without any ability."""

    abilities = frozenset()
    append, extend, rewind, hidden = Runner.append, Runner.extend, Runner.rewind, Runner.hidden


class BoundedRows(Rows):
    """Sound, with memory for a few rows of any length."""

    def most_rows(self, length: int) -> int | None:
        return MOST_ROWS

    def _new_row(self, tokens: Sequence[int], *, keep_hidden: bool) -> int:
        if len(self.rows) == MOST_ROWS:
            raise CacheFullError(f"there is memory for {MOST_ROWS} rows")
        return super()._new_row(tokens, keep_hidden=keep_hidden)

    def prefill(self, prompts: Sequence[Sequence[int]], *, keep_hidden: bool = False) -> tuple[list[int], torch.Tensor]:
        if len(self.rows) + len(prompts) > MOST_ROWS:
            raise CacheFullError(f"there is memory for {MOST_ROWS} rows")
        return super().prefill(prompts, keep_hidden=keep_hidden)


# What it says, and the form


class MisspelledAbility(Rows):
    abilities = frozenset({"append", "rewinds"})  # type: ignore[arg-type]


class KnowsWholePrompts(Rows):
    def known(self, prompt: Sequence[int]) -> int:
        return len(prompt)


class MoreLongRows(Rows):
    def most_rows(self, length: int) -> int | None:
        return 1000 * length


class HalfPrecision(Rows):
    def _row(self, tokens: Sequence[int]) -> torch.Tensor:
        return super()._row(tokens).half()


class OneRowIsFlat(Rows):
    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> torch.Tensor:
        return super().step(rows, tokens).squeeze(0)


class WithGradients(Rows):
    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> torch.Tensor:
        return super().step(rows, tokens).requires_grad_()


class NoNumbers(Rows):
    """Divides by nothing after one token."""

    def _row(self, tokens: Sequence[int]) -> torch.Tensor:
        return super()._row(tokens) / (0.0 if len(tokens) == 1 else 1.0)


class LastTokenOnly(Rows):
    """Every text that ends alike is the same to it."""

    def _row(self, tokens: Sequence[int]) -> torch.Tensor:
        return super()._row(tokens[-1:])


# Rows


class PadsPrompts(Rows):
    """Shorter prompts are filled up on the left, and nobody masks that."""

    def prefill(self, prompts: Sequence[Sequence[int]], *, keep_hidden: bool = False) -> tuple[list[int], torch.Tensor]:
        longest = max(map(len, prompts))
        padded = [[*[0] * (longest - len(prompt)), *prompt] for prompt in prompts]
        return super().prefill(padded, keep_hidden=keep_hidden)


class StepsForgetTheFirst(Rows):
    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> torch.Tensor:
        super().step(rows, tokens)
        return torch.stack([self._row(self.rows[row][1:]) for row in rows])


class InOrderOfHandles(Rows):
    """Gives the logits in the order in which the rows began."""

    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> torch.Tensor:
        logits = super().step(rows, tokens)
        return logits[sorted(range(len(rows)), key=lambda place: rows[place])]


class ClosesUp(Rows):
    """Where a row has left, the next one takes its place, and its tokens."""

    def drop(self, rows: Sequence[int]) -> None:
        for row in rows:
            later = [other for other in self.rows if other > row and other not in rows]
            tokens = self.rows[row]
            super().drop([row])
            for other in later:
                self.rows[other], tokens = tokens, self.rows[other]


class SharesWithForks(Rows):
    def fork(self, row: int) -> int:
        copy = super().fork(row)
        self.rows[copy] = self.rows[row]
        return copy


class UsesHandlesAgain(Rows):
    def _new_row(self, tokens: Sequence[int], *, keep_hidden: bool) -> int:
        self._next = next(number for number in range(100) if number + 1 not in self.rows)
        return super()._new_row(tokens, keep_hidden=keep_hidden)


class LetsTheDeadWalk(Rows):
    """Only marks rows as dropped."""

    def drop(self, rows: Sequence[int]) -> None:
        vars(self).setdefault("dropped", set()).update(rows)


class KeepsTheDead(Rows):
    def drop(self, rows: Sequence[int]) -> None:
        vars(self).setdefault("dropped", []).append([self.rows[row] for row in rows])
        super().drop(rows)


class GrowsItsBuffer(Rows):
    """The cache has a place for every row that ever was."""

    buffer = torch.zeros(0)

    def _new_row(self, tokens: Sequence[int], *, keep_hidden: bool) -> int:
        self.buffer = torch.cat([self.buffer, torch.zeros(CONTEXT)])
        return super()._new_row(tokens, keep_hidden=keep_hidden)


class FillsUp(BoundedRows):
    """Counts the rows that began, and none that ended."""

    def _new_row(self, tokens: Sequence[int], *, keep_hidden: bool) -> int:
        if self._next == 100 * MOST_ROWS:
            raise CacheFullError("there is no memory left")
        return super()._new_row(tokens, keep_hidden=keep_hidden)


# Limits


class LastPlaceIsNone(Rows):
    def _check_room(self, lengths: Iterable[int]) -> None:
        super()._check_room(length + 1 for length in lengths)


class Slides(Rows):
    """Beyond the context the first token goes, and nobody is told."""

    def _check_room(self, lengths: Iterable[int]) -> None:
        return

    def _row(self, tokens: Sequence[int]) -> torch.Tensor:
        return super()._row(tokens[-CONTEXT:])


class RefusesHalfway(Rows):
    """Looks at a row when its turn comes."""

    def _pass(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        return [super(RefusesHalfway, self)._pass([row], [new])[0] for row, new in zip(rows, tokens, strict=True)]


class BeginsTheGoodOnes(Rows):
    def prefill(self, prompts: Sequence[Sequence[int]], *, keep_hidden: bool = False) -> tuple[list[int], torch.Tensor]:
        given = [super(BeginsTheGoodOnes, self).prefill([prompt], keep_hidden=keep_hidden) for prompt in prompts]
        return [row for rows, _ in given for row in rows], torch.cat([logits for _, logits in given])


class PromisesTwice(BoundedRows):
    def most_rows(self, length: int) -> int | None:
        return 2 * MOST_ROWS


class MakesRoom(BoundedRows):
    """Takes the newest row where memory is short, and then says that memory is short."""

    def prefill(self, prompts: Sequence[Sequence[int]], *, keep_hidden: bool = False) -> tuple[list[int], torch.Tensor]:
        try:
            return super().prefill(prompts, keep_hidden=keep_hidden)
        except CacheFullError:
            self.rows[max(self.rows)] = [0]
            raise


class RowsContract(RunnerContract):
    """The control is sound, as that of an author is who compares with something else."""

    runner: ClassVar[type[Rows]] = Rows

    def open(self) -> Runner:
        return self.runner()

    def control(self) -> Runner:
        return Rows()

    def reference(self, tokens: Sequence[int]) -> torch.Tensor | None:
        return Rows()._row(tokens)


class TestRows(RowsContract):
    runner = Rows


class TestPlainRows(RowsContract):
    runner = PlainRows


class TestBoundedRows(RowsContract):
    runner = BoundedRows


class TestMisspelledAbility(RowsContract):
    runner = MisspelledAbility


class TestKnowsWholePrompts(RowsContract):
    runner = KnowsWholePrompts


class TestMoreLongRows(RowsContract):
    runner = MoreLongRows


class TestHalfPrecision(RowsContract):
    runner = HalfPrecision


class TestOneRowIsFlat(RowsContract):
    runner = OneRowIsFlat


class TestWithGradients(RowsContract):
    runner = WithGradients


class TestNoNumbers(RowsContract):
    runner = NoNumbers


class TestLastTokenOnly(RowsContract):
    runner = LastTokenOnly

    def control(self) -> Runner:
        return LastTokenOnly()


class TestPadsPrompts(RowsContract):
    runner = PadsPrompts


class TestStepsForgetTheFirst(RowsContract):
    runner = StepsForgetTheFirst


class TestInOrderOfHandles(RowsContract):
    runner = InOrderOfHandles


class TestClosesUp(RowsContract):
    runner = ClosesUp


class TestSharesWithForks(RowsContract):
    runner = SharesWithForks


class TestUsesHandlesAgain(RowsContract):
    runner = UsesHandlesAgain


class TestLetsTheDeadWalk(RowsContract):
    runner = LetsTheDeadWalk


class TestKeepsTheDead(RowsContract):
    runner = KeepsTheDead


class TestGrowsItsBuffer(RowsContract):
    runner = GrowsItsBuffer


class TestFillsUp(RowsContract):
    runner = FillsUp


class TestLastPlaceIsNone(RowsContract):
    runner = LastPlaceIsNone


class TestSlides(RowsContract):
    runner = Slides


class TestRefusesHalfway(RowsContract):
    runner = RefusesHalfway


class TestBeginsTheGoodOnes(RowsContract):
    runner = BeginsTheGoodOnes


class TestPromisesTwice(RowsContract):
    runner = PromisesTwice


class TestMakesRoom(RowsContract):
    runner = MakesRoom


class TestOtherReference(RowsContract):
    def reference(self, tokens: Sequence[int]) -> torch.Tensor | None:
        return Rows()._row(tokens[-3:])


class TestWithoutOpen(RunnerContract):
    """Says not what it is about."""
