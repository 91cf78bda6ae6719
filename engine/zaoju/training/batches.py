"""Batches of packed tokens, in an order that is a pure function of the seed and the batch's number.

A resumed run needs no state of the data but one integer, so nothing can be lost or read twice after a crash.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from zaoju.errors import UserError
from zaoju.tokenization import PackedTokens
from zaoju.training.answers import windows_to_learn
from zaoju.training.order import windows_of_batch

IGNORED = -100
"""The target of padding, and of what is only read, as torch's cross-entropy has it."""


class Batches(Protocol):
    """What a training loop needs of its data: batches by number, and how many windows there are."""

    window: int
    windows: int
    batch_size: int

    @property
    def tokens_per_batch(self) -> int:
        """How many tokens one batch holds, on average; of conversations a part of them is predicted."""
        ...

    def batch(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The ids [B, T] and the targets [B, T], int64, of batch `index` of the run, counted from 0.

        Targets below 0 do not count; every row has one that does.
        """
        ...

    def places(self, index: int) -> int:
        """The number of ids of batch `index`, padding included: what a pass over it takes its time for."""
        ...

    def documents(self, index: int) -> list[int]:
        """The numbers, from 0, of the documents of the training text in batch `index`, in order."""
        ...


def documents_between(
    ends: npt.NDArray[np.uint64], first: npt.NDArray[np.int64], last: npt.NDArray[np.int64]
) -> list[int]:
    """The documents that the tokens from each of `first` to each of `last` are in, given where documents end."""
    of_first, of_last = (np.searchsorted(ends.astype(np.int64), places, side="right") for places in (first, last))
    return sorted({number for a, b in zip(of_first, of_last, strict=True) for number in range(int(a), int(b) + 1)})


class PackedBatches:
    """Windows of `window` tokens and the tokens after them, cut from the packed stream without gaps.

    Every epoch takes every window once, in a new order; batches run on over the end of an epoch. The last window is
    moved back so that it is full, and a corpus shorter than one window is one shorter window. Of conversations only the
    answers are targets, and a window without any is left out. Raises `UserError` for a corpus of fewer than 2 tokens,
    and for conversations without an answer.
    """

    def __init__(self, packed: PackedTokens, *, window: int, batch_size: int, seed: int) -> None:
        self._tokens = packed.tokens
        self._counts = packed.counts
        self._ends = packed.document_ends
        count = len(self._tokens)
        if count < 2:
            raise UserError(
                f"the training corpus has {count} tokens, and a step needs at least 2: a token and the one after it. "
                "Give more text, or set corpus.held_out lower"
            )
        self.window = min(window, count - 1)
        """Tokens per window: T."""

        self.windows = -(-(count - 1) // self.window)
        """Windows per epoch."""

        self._chosen: npt.NDArray[np.int64] | None = None
        if self._counts is not None:
            starts = self._starts(np.arange(self.windows))
            self._chosen = windows_to_learn(self._counts, starts, np.full(self.windows, self.window))
            self.windows = len(self._chosen)

        self.batch_size = min(batch_size, self.windows)
        """Windows per batch: B. No larger than the corpus, or a batch would hold a window twice."""

        self._seed = seed

    @property
    def tokens_per_batch(self) -> int:
        """How many tokens one batch holds."""
        return self.batch_size * self.window

    def batch(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The ids [B, T] and the targets [B, T], int64, of batch `index` of the run, counted from 0."""
        starts = self._starts_of_batch(index)
        places = starts[:, None] + np.arange(self.window + 1)
        ids = torch.from_numpy(self._tokens[places].astype(np.int64))
        targets = ids[:, 1:].contiguous()
        if self._counts is not None:
            targets[~torch.from_numpy(self._counts[places[:, 1:]])] = IGNORED
        return ids[:, :-1].contiguous(), targets

    def places(self, index: int) -> int:
        """The number of ids of batch `index`; of all the same."""
        return self.tokens_per_batch

    def documents(self, index: int) -> list[int]:
        """The numbers, from 0, of the documents of the training text in batch `index`, in order."""
        starts = self._starts_of_batch(index)
        return documents_between(self._ends, starts, starts + self.window)

    def _starts_of_batch(self, index: int) -> npt.NDArray[np.int64]:
        chosen = windows_of_batch(index, self.batch_size, self.windows, self._seed)
        return self._starts(chosen if self._chosen is None else self._chosen[chosen])

    def _starts(self, windows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Where these windows begin."""
        return np.minimum(windows * self.window, len(self._tokens) - self.window - 1)
