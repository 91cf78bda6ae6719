"""A runner that computes one token of one row at a time, so that rounding never depends on the company."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import torch

from zaoju.contracts import Options, Runner
from zaoju.generation.row_lengths import RowLengths


class FixedShapes(Runner):
    """Wraps a runner. Matrix products round differently for other shapes; here a row has the same shapes always: its
    prompt alone, then one token at a time, drafts too. So a text is a function of its request, bit for bit."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._lengths = RowLengths(runner.context_length)
        self.vocabulary_size = runner.vocabulary_size
        self.context_length = runner.context_length
        self.abilities = runner.abilities - {"append"}  # a prompt is read in one piece always

    @classmethod
    def open(cls, folder: Path, *, device: str = "auto", options: Options | None = None) -> Self:
        raise NotImplementedError("open the runner that is to be wrapped")

    def row_bytes(self, length: int) -> int | None:
        return self._runner.row_bytes(length)

    def most_rows(self, length: int) -> int | None:
        return self._runner.most_rows(length)

    def prefill(self, prompts: Sequence[Sequence[int]], *, keep_hidden: bool = False) -> tuple[list[int], torch.Tensor]:
        self._lengths.check_prompts(prompts)
        rows: list[int] = []
        logits = []
        try:
            for prompt in prompts:
                # A runner without the ability need not know the argument.
                asked = {"keep_hidden": True} if keep_hidden else {}
                given, after = self._runner.prefill([prompt], **asked)
                rows += given
                logits.append(after)
        except BaseException:
            self._runner.drop(rows)
            raise
        self._lengths.begin(rows, prompts)
        return rows, torch.cat(logits)

    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> torch.Tensor:
        return torch.cat(self.extend(rows, [[token] for token in tokens]))

    def extend(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        # Before any of them: what is refused must leave all rows as they were.
        self._lengths.check_room(rows, map(len, tokens))
        return [torch.cat([self._one(row, token) for token in new]) for row, new in zip(rows, tokens, strict=True)]

    def rewind(self, rows: Sequence[int], counts: Sequence[int]) -> None:
        self._runner.rewind(rows, counts)
        self._lengths.grow(rows, [-count for count in counts])

    def fork(self, row: int) -> int:
        copy = self._runner.fork(row)
        self._lengths.fork(row, copy)
        return copy

    def hidden(self, row: int) -> torch.Tensor:
        return self._runner.hidden(row)

    def drop(self, rows: Sequence[int]) -> None:
        self._runner.drop(rows)
        self._lengths.end(rows)

    def score(self, sequences: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        return [self._runner.score([sequence])[0] for sequence in sequences]

    def _one(self, row: int, token: int) -> torch.Tensor:
        logits = self._runner.step([row], [token])
        self._lengths.grow([row], [1])
        return logits
