"""One runner for many decode loops: it computes for one at a time, and rows go back to it without waiting."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from zaoju.contracts import Runner
from zaoju.generation.one_at_a_time import OneAtATime


class SharedRunner:
    """Guards a runner that loops in several threads use. The methods are those of `Runner`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._turn = OneAtATime(runner.drop)

    def prefill(self, prompts: Sequence[Sequence[int]], *, keep_hidden: bool = False) -> tuple[list[int], torch.Tensor]:
        """`Runner.prefill`, once no other loop computes."""
        with self._turn.alone():
            # A runner without the ability need not know the argument.
            return self._runner.prefill(prompts, keep_hidden=True) if keep_hidden else self._runner.prefill(prompts)

    @property
    def can_append(self) -> bool:
        """Whether prompts can be read in pieces."""
        return "append" in self._runner.abilities

    @property
    def can_rewind(self) -> bool:
        """Whether rows can take tokens back."""
        return "rewind" in self._runner.abilities

    @property
    def tokens_per_pass(self) -> int:
        """`Runner.tokens_per_pass`."""
        return self._runner.tokens_per_pass

    def most_rows(self, length: int) -> int | None:
        """`Runner.most_rows`."""
        return self._runner.most_rows(length)

    def known(self, prompt: Sequence[int]) -> int:
        """`Runner.known`, once no other loop computes."""
        with self._turn.alone():
            return self._runner.known(prompt)

    def append(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> torch.Tensor:
        """`Runner.append`, once no other loop computes."""
        with self._turn.alone():
            return self._runner.append(rows, tokens)

    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> torch.Tensor:
        """`Runner.step`, once no other loop computes."""
        with self._turn.alone():
            return self._runner.step(rows, tokens)

    def extend(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        """`Runner.extend`, once no other loop computes."""
        with self._turn.alone():
            return self._runner.extend(rows, tokens)

    def rewind(self, rows: Sequence[int], counts: Sequence[int]) -> None:
        """`Runner.rewind`, once no other loop computes."""
        with self._turn.alone():
            self._runner.rewind(rows, counts)

    def fork(self, row: int) -> int:
        """`Runner.fork`, once no other loop computes."""
        with self._turn.alone():
            return self._runner.fork(row)

    def hidden(self, row: int) -> torch.Tensor:
        """`Runner.hidden`, once no other loop computes."""
        with self._turn.alone():
            return self._runner.hidden(row)

    def drop(self, rows: Sequence[int]) -> None:
        """`Runner.drop`: at once where no loop computes, else as soon as the one that does has finished."""
        self._turn.leave(rows)
