"""Batches whose windows are documents: what a model reads in training is what it reads when it is scored and writes.

In windows cut from the packed stream a text begins anywhere and follows a text that it has nothing to do with. A small
model on short texts learns much faster from whole documents that all begin at the first place.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from zaoju.errors import UserError
from zaoju.tokenization import PackedTokens
from zaoju.training.answers import windows_to_learn
from zaoju.training.batches import IGNORED, documents_between
from zaoju.training.order import windows_of_batch_by_length

_STEP_OF_LENGTHS = 8
"""Batches are so many tokens long, or a multiple of it: libraries keep memory for every shape that they have seen."""


class DocumentBatches:
    """Windows that begin with the end-of-text token, then hold one document and the end-of-text token after it.

    A document that is longer than `window` tokens goes on in windows of its own. Windows of one batch are padded on the
    right to the longest of them, and targets there are `IGNORED`. Every epoch takes every window once, in a new order
    that is a pure function of the seed.

    A document whose first token is not to be learned, as that of a conversation, begins with this very token. Of
    conversations only the answers are targets, and a window without any is left out. Raises `UserError` for a corpus
    without a document, and for conversations without an answer.
    """

    def __init__(
        self, packed: PackedTokens, *, window: int, batch_size: int, end_of_text: int, seed: int, passes: int = 1
    ) -> None:
        """With the `passes` of a step: its windows are the same in few large ones and in many small ones."""
        ends = packed.document_ends.astype(np.int64)
        if not len(ends):
            raise UserError("the training corpus has no document; give more text, or set corpus.held_out lower")
        lengths = np.diff(ends, prepend=0)
        own_beginning = np.zeros(len(ends), dtype=np.bool_)
        if packed.counts is not None:
            own_beginning = ~packed.counts[ends - lengths]
            lengths = lengths - own_beginning
        parts = -(-lengths // window)
        first_part = np.repeat(np.cumsum(parts) - parts, parts)
        number = np.arange(len(first_part)) - first_part
        # A window begins one token before what it predicts; before a document that is the end of the one before it.
        self._starts = np.repeat(ends - lengths, parts) + number * window - 1
        self._lengths = np.minimum(np.repeat(lengths, parts) - number * window, window)
        self._follows_end = (number == 0) & ~np.repeat(own_beginning, parts)
        self._ends = packed.document_ends
        self._counts = packed.counts
        if self._counts is not None:
            chosen = windows_to_learn(self._counts, self._starts, self._lengths)
            self._starts, self._lengths = self._starts[chosen], self._lengths[chosen]
            self._follows_end = self._follows_end[chosen]
        self._tokens = packed.tokens
        self._end_of_text = end_of_text
        self._seed = seed
        self._passes = passes
        self.window = int(self._lengths.max())
        """Tokens of the longest window."""

        self.windows = len(self._starts)
        """Windows per epoch."""

        self.batch_size = min(batch_size, self.windows)
        """Windows per batch: B."""

    @property
    def tokens_per_batch(self) -> int:
        """How many tokens one batch holds, on average; of conversations a part of them is predicted."""
        return round(self.batch_size * float(self._lengths.mean()))

    def batch(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The ids [B, T] and the targets [B, T], int64, of batch `index`; T is about its longest window."""
        chosen = self._chosen(index)
        lengths = self._lengths[chosen]
        places = np.arange(self._longest(chosen) + 1)
        inside = places <= lengths[:, None]
        rows = np.full(inside.shape, self._end_of_text, dtype=np.int64)
        wanted = np.maximum(self._starts[chosen][:, None] + places, 0)
        rows[inside] = self._tokens[wanted[inside]]
        rows[self._follows_end[chosen], 0] = self._end_of_text
        learned = inside if self._counts is None else inside & self._counts[wanted * inside]
        targets = np.where(learned[:, 1:], rows[:, 1:], IGNORED)
        return torch.from_numpy(rows[:, :-1].copy()), torch.from_numpy(targets)

    def places(self, index: int) -> int:
        """The number of ids of batch `index`, padding included: what a pass over it takes its time for."""
        return self.batch_size * self._longest(self._chosen(index))

    def documents(self, index: int) -> list[int]:
        """The numbers, from 0, of the documents of the training text in batch `index`, in order."""
        chosen = self._chosen(index)
        first = self._starts[chosen] + 1
        return documents_between(self._ends, first, first)

    def _longest(self, chosen: npt.NDArray[np.int64]) -> int:
        """The length of a batch of these windows."""
        return min(-(-int(self._lengths[chosen].max()) // _STEP_OF_LENGTHS) * _STEP_OF_LENGTHS, self.window)

    def _chosen(self, index: int) -> npt.NDArray[np.int64]:
        step, number = divmod(index, self._passes)
        windows = windows_of_batch_by_length(step, self.batch_size * self._passes, self._lengths, self._seed)
        return windows[number * self.batch_size : (number + 1) * self.batch_size]
