"""A runner without a model: the logits are drawn from a hash of the tokens of the row."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import torch

from zaoju.contracts import Ability, Options, Runner

_HIDDEN = 8


class HashRunner(Runner):
    """Gives a row the same bits in any company, and notices every broken rule of the contract.

    For tests of what surrounds a model: whatever differs between two runs is not the model's fault. With `memory`, only
    so many of the last tokens decide the logits, so texts run in circles, as those of small models do. `spread` is the
    standard deviation of the logits.
    """

    abilities: frozenset[Ability] = frozenset({"append", "rewind", "hidden"})

    def __init__(
        self, vocabulary_size: int, context_length: int, *, spread: float = 2.0, memory: int | None = None
    ) -> None:
        self.vocabulary_size = vocabulary_size
        self.context_length = context_length
        self.rows: dict[int, list[int]] = {}
        """The tokens of every row that lives."""
        self.largest_batch = 0
        """How many rows there ever were at once."""
        self.tokens_read = 0
        """How many tokens were ever fed."""
        self.passes = 0
        """How many times logits were asked for: each is one pass of a real model."""
        self.largest_token = -1
        """The greatest token that was ever fed after a prompt."""
        self._spread = spread
        self._memory = memory
        self._next = 0
        self._keep_hidden: set[int] = set()

    @classmethod
    def open(cls, folder: Path, *, device: str = "auto", options: Options | None = None) -> Self:
        """There is no model to open."""
        raise NotImplementedError("a HashRunner is made with a vocabulary size and a context length")

    def prefill(self, prompts: Sequence[Sequence[int]], *, keep_hidden: bool = False) -> tuple[list[int], torch.Tensor]:
        """`Runner.prefill`."""
        assert prompts and all(prompts)
        self._check_room(map(len, prompts))
        rows = [self._new_row(prompt, keep_hidden=keep_hidden) for prompt in prompts]
        self.tokens_read += sum(map(len, prompts))
        return rows, torch.stack([logits[-1] for logits in self._pass(rows, [[]] * len(rows))])

    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> torch.Tensor:
        """`Runner.step`."""
        return torch.cat(self._pass(rows, [[token] for token in tokens]))

    def append(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> torch.Tensor:
        """`Runner.append`."""
        assert all(tokens)
        return torch.stack([logits[-1] for logits in self._pass(rows, tokens)])

    def extend(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        """`Runner.extend`."""
        assert all(tokens)
        return self._pass(rows, tokens)

    def rewind(self, rows: Sequence[int], counts: Sequence[int]) -> None:
        """`Runner.rewind`."""
        for row, count in zip(rows, counts, strict=True):
            assert 0 <= count < len(self.rows[row])
            del self.rows[row][len(self.rows[row]) - count :]

    def fork(self, row: int) -> int:
        """`Runner.fork`."""
        return self._new_row(self.rows[row], keep_hidden=row in self._keep_hidden)

    def hidden(self, row: int) -> torch.Tensor:
        """`Runner.hidden`."""
        assert row in self._keep_hidden, "the hidden states of this row were not asked for in prefill()"
        tokens = self.rows[row]
        return torch.stack([_drawn(tokens[: end + 1], _HIDDEN) for end in range(len(tokens))])

    def drop(self, rows: Sequence[int]) -> None:
        """`Runner.drop`."""
        for row in rows:
            del self.rows[row]
            self._keep_hidden.discard(row)

    def score(self, sequences: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        """`Runner.score`."""
        return [
            torch.stack([self._row(sequence[:end]).log_softmax(0)[sequence[end]] for end in range(1, len(sequence))])
            for sequence in sequences
        ]

    def _new_row(self, tokens: Sequence[int], *, keep_hidden: bool) -> int:
        self._next += 1
        self.rows[self._next] = list(tokens)
        self.largest_batch = max(self.largest_batch, len(self.rows))
        if keep_hidden:
            self._keep_hidden.add(self._next)
        return self._next

    def _pass(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        """Append tokens to rows: for each row the logits after each of them, or after the row where there are none."""
        assert len(set(rows)) == len(rows) > 0
        self._check_room(len(self.rows[row]) + len(new) for row, new in zip(rows, tokens, strict=True))
        self.passes += 1
        return [self._appended(row, new) for row, new in zip(rows, tokens, strict=True)]

    def _check_room(self, lengths: Iterable[int]) -> None:
        """Refuse rows that would be longer than the context, before any of them is changed."""
        longest = max(lengths)
        if longest > self.context_length:
            raise ValueError(f"a row would have {longest} tokens, and the context is {self.context_length}")

    def _appended(self, row: int, tokens: Sequence[int]) -> torch.Tensor:
        self.tokens_read += len(tokens)
        logits = [] if tokens else [self._row(self.rows[row])]
        for token in tokens:
            assert 0 <= token < self.vocabulary_size
            self.rows[row].append(token)
            self.largest_token = max(self.largest_token, token)
            logits.append(self._row(self.rows[row]))
        return torch.stack(logits)

    def _row(self, tokens: Sequence[int]) -> torch.Tensor:
        seen = tokens if self._memory is None else tokens[-self._memory :]
        return _drawn(seen, self.vocabulary_size) * self._spread


def _drawn(tokens: Sequence[int], size: int) -> torch.Tensor:
    """[size] standard normal numbers that are a function of the tokens."""
    generator = torch.Generator().manual_seed(zlib.crc32(repr(list(tokens)).encode()))
    return torch.randn(size, generator=generator)
