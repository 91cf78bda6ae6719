"""The order of the windows in an epoch: a keyed permutation that takes no memory and has no state."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_ROUNDS = 4

_POOL = 16
"""Batches whose windows are sorted by length together: enough to make those of a batch nearly equal."""


def windows_of_batch(index: int, batch_size: int, windows: int, seed: int) -> npt.NDArray[np.int64]:
    """Which windows batch `index` of a run holds, counted from 0: every epoch takes every window once, in a new order.

    Batches run on over the end of an epoch, so all have `batch_size` windows.
    """
    place = np.arange(index * batch_size, (index + 1) * batch_size, dtype=np.uint64)
    epoch, position = np.divmod(place, np.uint64(windows))
    chosen = np.empty(len(place), dtype=np.int64)
    for number in np.unique(epoch):
        chosen[epoch == number] = shuffled(position[epoch == number], windows, seed, int(number))
    return chosen


def windows_of_batch_by_length(
    index: int, batch_size: int, lengths: npt.NDArray[np.int64], seed: int
) -> npt.NDArray[np.int64]:
    """As `windows_of_batch`, with windows of about the same length in each batch, so that little of it is padding.

    The windows of some batches in a row are sorted by their `lengths` and dealt out anew; those batches then come in
    any order. Every epoch still takes every window once before the next one begins.
    """
    pool, number = divmod(index, _POOL)
    count = batch_size * _POOL
    windows = windows_of_batch(pool, count, len(lengths), seed)
    epochs = np.arange(pool * count, (pool + 1) * count) // len(lengths)
    order = np.lexsort((lengths[windows], epochs))
    rows, of_rows = windows[order].reshape(_POOL, batch_size), epochs[order].reshape(_POOL, batch_size)
    drawn = shuffled(np.arange(_POOL, dtype=np.uint64), _POOL, seed, pool)
    turns = np.lexsort((drawn, of_rows[:, -1], of_rows[:, 0]))
    chosen: npt.NDArray[np.int64] = rows[turns[number]]
    return chosen


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
