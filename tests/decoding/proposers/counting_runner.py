"""A runner whose logits are drawn from a hash of the row, and which counts what it reads."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import torch

from zaoju import Runner
from zaoju.contracts import Ability, Options


class CountingRunner(Runner):
    """Notices every broken rule of the contract."""

    def __init__(self, vocabulary_size: int, context_length: int = 60) -> None:
        self.vocabulary_size = vocabulary_size
        self.context_length = context_length
        self.abilities: frozenset[Ability] = frozenset({"rewind"})
        self.rows: dict[int, list[int]] = {}
        self.read = 0
        self.passes = 0
        self._next = 0

    @classmethod
    def open(cls, folder: Path, *, device: str = "auto", options: Options | None = None) -> Self:
        raise NotImplementedError

    def logits_after(self, tokens: Sequence[int]) -> torch.Tensor:
        generator = torch.Generator().manual_seed(zlib.crc32(repr([*tokens]).encode()))
        return torch.randn(self.vocabulary_size, generator=generator) * 4

    def prefill(self, prompts: Sequence[Sequence[int]], *, keep_hidden: bool = False) -> tuple[list[int], torch.Tensor]:
        handles = []
        for _ in prompts:
            self._next += 1
            self.rows[self._next] = []
            handles.append(self._next)
        return handles, torch.stack([given[-1] for given in self.extend(handles, prompts)])

    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> torch.Tensor:
        return torch.stack([given[-1] for given in self.extend(rows, [[token] for token in tokens])])

    def extend(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        assert len(set(rows)) == len(rows) == len(tokens) > 0
        self.passes += 1
        logits = []
        for row, new in zip(rows, tokens, strict=True):
            assert len(new) > 0 and all(0 <= token < self.vocabulary_size for token in new)
            before = len(self.rows[row])
            self.rows[row] += new
            assert len(self.rows[row]) <= self.context_length
            self.read += len(new)
            ends = range(before + 1, len(self.rows[row]) + 1)
            logits.append(torch.stack([self.logits_after(self.rows[row][:end]) for end in ends]))
        return logits

    def rewind(self, rows: Sequence[int], counts: Sequence[int]) -> None:
        for row, count in zip(rows, counts, strict=True):
            assert 0 <= count < len(self.rows[row])
            del self.rows[row][len(self.rows[row]) - count :]

    def fork(self, row: int) -> int:
        raise NotImplementedError

    def drop(self, rows: Sequence[int]) -> None:
        for row in rows:
            del self.rows[row]

    def score(self, sequences: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        raise NotImplementedError
