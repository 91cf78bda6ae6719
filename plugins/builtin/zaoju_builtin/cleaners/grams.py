"""Runs of characters as numbers: the hash of every n characters of a text, by numpy, without a loop over the text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
"""A 64-bit hash for every place where n characters begin."""

_BASE = 0x9E3779B97F4A7C15
_MIX = np.uint64(0xBF58476D1CE4E5B9)
_SHIFT = np.uint64(29)
_POWERS = tuple(np.uint64(pow(_BASE, 1 << step, 1 << 64)) for step in range(6))
"""The base to the power of 1, 2, 4 and so on."""


def gram_hashes(codes: NDArray[np.unsignedinteger], length: int) -> Hashes:
    """The polynomial hash of every `length` (below 64) code points in a row, mixed; empty where there are fewer.

    Built by doubling, as Karp, Miller and Rosenberg named substrings: two runs of 4 make one of 8, and so on.
    """
    count = len(codes) - length + 1
    if count <= 0:
        return np.zeros(0, dtype=np.uint64)
    power: Hashes = codes.astype(np.uint64)
    hashes = np.zeros(count, dtype=np.uint64)
    covered = 0
    for step, base in enumerate(_POWERS):
        width = 1 << step
        if length & width:
            hashes = hashes * base + power[covered : covered + count]
            covered += width
        if covered == length:
            break
        power = power[:-width] * base + power[width:]
    hashes ^= hashes >> _SHIFT
    hashes *= _MIX
    hashes ^= hashes >> _SHIFT
    return hashes
