"""Which documents are kept apart for evaluation: a matter of their text and the seed, not of their order."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

Digest = bytes

_BYTES = 16


def text_digest(text: str) -> Digest:
    """16 bytes that stand for the text."""
    return hashlib.blake2b(text.encode("utf-8"), digest_size=_BYTES).digest()


def choose_held_out(
    digests: npt.NDArray[np.void], copies: npt.NDArray[np.int64], share: float, seed: int
) -> npt.NDArray[np.bool_]:
    """Which texts to hold out, given the 16-byte digest of each different text and how many documents have it.

    They make exactly `max(1, round(share * documents))` documents, wherever that can be done without parting equal
    texts. Each text has a rank by its hash with the seed, so the choice is the same in any order. Needs two texts.
    """
    ranked = np.argsort(_ranks(digests, seed), kind="stable")
    room = max(1, round(share * int(copies.sum())))
    chosen = np.zeros(len(digests), dtype=np.bool_)
    for place in ranked:
        if copies[place] <= room:
            chosen[place] = True
            room -= int(copies[place])
        if not room:
            break
    if not chosen.any():
        chosen[ranked[np.argmin(copies[ranked])]] = True
    return chosen


def _ranks(digests: npt.NDArray[np.void], seed: int) -> npt.NDArray[np.uint64]:
    """The first 8 bytes of the hash of each digest with the seed."""
    salt = hashlib.blake2b(str(seed).encode(), digest_size=_BYTES).digest()
    content = digests.tobytes()
    ranks = (
        int.from_bytes(hashlib.blake2b(content[start : start + _BYTES], salt=salt).digest()[:8], "big")
        for start in range(0, len(content), _BYTES)
    )
    return np.fromiter(ranks, np.uint64, len(digests))
