"""Which documents are kept apart for evaluation: a matter of their text and the seed, not of their order."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

Digest = bytes


def text_digest(text: str) -> Digest:
    """16 bytes that stand for the text."""
    return hashlib.blake2b(text.encode("utf-8"), digest_size=16).digest()


def choose_held_out(copies: Mapping[Digest, int], share: float, seed: int) -> frozenset[Digest]:
    """The texts to hold out, given how many documents have each text.

    They make exactly `max(1, round(share * documents))` documents, wherever that can be done without parting equal
    texts. Each text has a rank by its hash with the seed, so the choice is the same in any order. Needs two texts.
    """
    ranked = sorted(copies, key=lambda digest: hashlib.blake2b(digest, salt=_salt(seed)).digest())
    room = max(1, round(share * sum(copies.values())))
    chosen: list[Digest] = []
    for digest in ranked:
        if copies[digest] <= room:
            chosen.append(digest)
            room -= copies[digest]
        if not room:
            break
    return frozenset(chosen or [min(ranked, key=lambda digest: copies[digest])])


def _salt(seed: int) -> bytes:
    return hashlib.blake2b(str(seed).encode(), digest_size=16).digest()
