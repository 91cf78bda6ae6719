"""A runner without a model: the logits are drawn from a hash of all tokens of the row."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import torch

from zaoju.contracts import Runner


class HashRunner(Runner):
    """Gives a row the same bits in any company, and notices every broken rule of the contract."""

    def __init__(self, vocabulary_size: int, context_length: int, *, spread: float = 2.0) -> None:
        self.vocabulary_size = vocabulary_size
        self.context_length = context_length
        self.rows: dict[int, list[int]] = {}
        self.largest_batch = 0
        self.largest_token = -1
        self._spread = spread
        self._next = 0

    @classmethod
    def open(cls, folder: Path, *, device: str = "auto") -> Self:
        raise NotImplementedError

    def prefill(self, prompts: Sequence[Sequence[int]]) -> tuple[list[int], torch.Tensor]:
        assert prompts and all(0 < len(prompt) <= self.context_length for prompt in prompts)
        rows = [self._new_row(prompt) for prompt in prompts]
        return rows, self._logits(rows)

    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> torch.Tensor:
        assert len(set(rows)) == len(rows) > 0
        for row, token in zip(rows, tokens, strict=True):
            assert 0 <= token < self.vocabulary_size and len(self.rows[row]) < self.context_length
            self.rows[row].append(token)
            self.largest_token = max(self.largest_token, token)
        return self._logits(rows)

    def fork(self, row: int) -> int:
        return self._new_row(self.rows[row])

    def drop(self, rows: Sequence[int]) -> None:
        for row in rows:
            del self.rows[row]

    def score(self, sequences: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        return [
            torch.stack([self._row([*sequence[:end]]).log_softmax(0)[sequence[end]] for end in range(1, len(sequence))])
            for sequence in sequences
        ]

    def _new_row(self, tokens: Sequence[int]) -> int:
        self._next += 1
        self.rows[self._next] = list(tokens)
        return self._next

    def _logits(self, rows: Sequence[int]) -> torch.Tensor:
        self.largest_batch = max(self.largest_batch, len(self.rows))
        return torch.stack([self._row(self.rows[row]) for row in rows])

    def _row(self, tokens: list[int]) -> torch.Tensor:
        generator = torch.Generator().manual_seed(zlib.crc32(repr(tokens).encode()))
        return torch.randn(self.vocabulary_size, generator=generator) * self._spread
