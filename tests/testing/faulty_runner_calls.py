"""More runners with one planted fault each: in their abilities, their scores, and what they do to others' things.

Not collected by itself, as its name says nothing of tests: `test_planted_faults.py` runs pytest on it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from faulty_runners import CONTEXT, VOCABULARY, Rows, RowsContract

# Abilities


class AppendsTheFirst(Rows):
    def append(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> torch.Tensor:
        return super().append(rows, [new[:1] for new in tokens])


class ExtendsWithTheLast(Rows):
    def extend(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        return [logits[-1:].expand_as(logits) for logits in super().extend(rows, tokens)]


class RewindsAllForNothing(Rows):
    """`tokens[-0:]` are all of them."""

    def rewind(self, rows: Sequence[int], counts: Sequence[int]) -> None:
        for row, count in zip(rows, counts, strict=True):
            del self.rows[row][-count:]


class HiddenOfThePrompt(Rows):
    def prefill(self, prompts: Sequence[Sequence[int]], *, keep_hidden: bool = False) -> tuple[list[int], torch.Tensor]:
        rows, logits = super().prefill(prompts, keep_hidden=keep_hidden)
        kept = vars(self).setdefault("kept", {})
        kept.update({row: super(HiddenOfThePrompt, self).hidden(row) for row in rows if keep_hidden})
        return rows, logits

    def hidden(self, row: int) -> torch.Tensor:
        kept: torch.Tensor = vars(self)["kept"][row]
        return kept


class CanMoreThanItSays(Rows):
    abilities = frozenset({"append", "hidden"})


# Scores


class ScoresTheTokenItself(Rows):
    """Looks at the logits after a token for the probability of that token."""

    def score(self, sequences: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        return super().score([[*sequence[1:], sequence[-1]] for sequence in sequences])


class ScoresWhatARowHolds(Rows):
    def score(self, sequences: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        self._check_room(map(len, sequences))
        return super().score(sequences)


class LeavesScoredRows(Rows):
    def score(self, sequences: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        self.prefill([sequence[:-1] for sequence in sequences])
        return super().score(sequences)


# Purity


class OneBufferOfLogits(Rows):
    """As an accelerator's captured graph writes to the same memory at each step."""

    buffer = torch.zeros(1, 1)

    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> torch.Tensor:
        logits = super().step(rows, tokens)
        if self.buffer.shape[1] != VOCABULARY:
            self.buffer = torch.zeros(CONTEXT, VOCABULARY)
        self.buffer[: len(rows)] = logits
        return self.buffer[: len(rows)]


class KeepsPrompts(Rows):
    def prefill(self, prompts: Sequence[Sequence[int]], *, keep_hidden: bool = False) -> tuple[list[int], torch.Tensor]:
        rows, logits = super().prefill(prompts, keep_hidden=keep_hidden)
        self.rows.update((row, prompt) for row, prompt in zip(rows, prompts, strict=True) if isinstance(prompt, list))
        return rows, logits


class WritesToPrompts(Rows):
    def prefill(self, prompts: Sequence[Sequence[int]], *, keep_hidden: bool = False) -> tuple[list[int], torch.Tensor]:
        given = super().prefill(prompts, keep_hidden=keep_hidden)
        for prompt in prompts:
            if isinstance(prompt, list):
                prompt.append(0)
        return given


class Trembles(Rows):
    """By less than any tolerance, and never twice alike."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = torch.Generator()
        self.generator.seed()

    def _row(self, tokens: Sequence[int]) -> torch.Tensor:
        return super()._row(tokens) + torch.rand(VOCABULARY, generator=self.generator) * 1e-5


class SeedsTheWorld(Rows):
    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> torch.Tensor:
        torch.manual_seed(0)
        return super().step(rows, tokens)


# Random calls


class CopiesOnlyWhenItSteps(Rows):
    """A fork has the tokens of its origin in common until one of them goes on; but rewinding is no going on."""

    def fork(self, row: int) -> int:
        copy = super().fork(row)
        self.rows[copy] = self.rows[row]
        return copy

    def _appended(self, row: int, tokens: Sequence[int]) -> torch.Tensor:
        self.rows[row] = list(self.rows[row])
        return super()._appended(row, tokens)


class TestAppendsTheFirst(RowsContract):
    runner = AppendsTheFirst


class TestExtendsWithTheLast(RowsContract):
    runner = ExtendsWithTheLast


class TestRewindsAllForNothing(RowsContract):
    runner = RewindsAllForNothing


class TestHiddenOfThePrompt(RowsContract):
    runner = HiddenOfThePrompt


class TestCanMoreThanItSays(RowsContract):
    runner = CanMoreThanItSays


class TestScoresTheTokenItself(RowsContract):
    runner = ScoresTheTokenItself


class TestScoresWhatARowHolds(RowsContract):
    runner = ScoresWhatARowHolds


class TestLeavesScoredRows(RowsContract):
    runner = LeavesScoredRows


class TestOneBufferOfLogits(RowsContract):
    runner = OneBufferOfLogits


class TestKeepsPrompts(RowsContract):
    runner = KeepsPrompts


class TestWritesToPrompts(RowsContract):
    runner = WritesToPrompts


class TestTrembles(RowsContract):
    runner = Trembles


class TestSeedsTheWorld(RowsContract):
    runner = SeedsTheWorld


class TestCopiesOnlyWhenItSteps(RowsContract):
    runner = CopiesOnlyWhenItSteps
