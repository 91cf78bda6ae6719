"""Batches of packed tokens, in an order that is a pure function of the seed and the batch's number.

A resumed run needs no state of the data but one integer, so nothing can be lost or read twice after a crash.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from zaoju.errors import UserError
from zaoju.tokenization import PackedTokens

_ROUNDS = 4


class PackedBatches:
    """Windows of `window` tokens and the tokens after them, cut from the packed stream without gaps.

    Every epoch takes every window once, in a new order; batches run on over the end of an epoch. The last window is
    moved back so that it is full, and a corpus shorter than one window is one shorter window. Raises `UserError` for a
    corpus of fewer than 2 tokens.
    """

    def __init__(self, packed: PackedTokens, *, window: int, batch_size: int, seed: int) -> None:
        self._tokens = packed.tokens
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

        self.batch_size = min(batch_size, self.windows)
        """Windows per batch: B. No larger than the corpus, or a batch would hold a window twice."""

        self._seed = seed

    @property
    def tokens_per_batch(self) -> int:
        """How many tokens one batch predicts."""
        return self.batch_size * self.window

    def batch(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The ids [B, T] and the targets [B, T], int64, of batch `index` of the run, counted from 0."""
        place = np.arange(index * self.batch_size, (index + 1) * self.batch_size, dtype=np.uint64)
        epoch, position = np.divmod(place, np.uint64(self.windows))
        chosen = np.empty(len(place), dtype=np.int64)
        for number in np.unique(epoch):
            chosen[epoch == number] = shuffled(position[epoch == number], self.windows, self._seed, int(number))
        last = len(self._tokens) - self.window - 1
        starts = np.minimum(chosen * self.window, last)
        rows = self._tokens[starts[:, None] + np.arange(self.window + 1)]
        ids = torch.from_numpy(rows.astype(np.int64))
        return ids[:, :-1].contiguous(), ids[:, 1:].contiguous()


def shuffled(positions: npt.NDArray[np.uint64], count: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """The places of `positions` in a keyed permutation of 0 to `count` - 1.

    A Feistel network over the next power of four, walked along its cycle until it lands inside (Black and Rogaway,
    2002, "Ciphers with Arbitrary Finite Domains"). It takes no memory, whatever the corpus.
    """
    half = np.uint64(max(1, ((count - 1).bit_length() + 1) // 2))
    mask = np.uint64((1 << int(half)) - 1)
    rounds = np.arange(_ROUNDS, dtype=np.uint64)
    keys = _mix(np.bitwise_xor(_mix(_array(seed)), _array(epoch)) ^ _mix(rounds))
    places = positions.astype(np.uint64)
    outside = np.ones(len(places), dtype=bool)
    while outside.any():
        left, right = places[outside] >> half, places[outside] & mask
        for key in keys:
            left, right = right, left ^ (_mix(right ^ key) & mask)
        places[outside] = (left << half) | right
        outside = places >= count
    return places.astype(np.int64)


def _array(number: int) -> npt.NDArray[np.uint64]:
    # An array of one: numpy lets arrays of whole numbers wrap around, and warns for single ones.
    return np.array([number % 2**64], dtype=np.uint64)


def _mix(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea and Flood, 2014): every input bit changes half of the output bits."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
