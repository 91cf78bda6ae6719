"""What becomes of each cleaned document when the corpus is looked at as a whole: trained on, held out, or a duplicate.

Only hashes are held in memory, with what is counted some 100 bytes a document.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from zaoju.corpus.held_out import choose_held_out
from zaoju.corpus.shards import FinishedShard

DIGEST_TYPE = np.dtype([("high", ">u8"), ("low", ">u8")])


Fates: TypeAlias = npt.NDArray[np.uint8]
"""The fate of each document, in the order of reading."""


class Fate(IntEnum):
    """What becomes of a document."""

    TRAIN = 0
    HELD_OUT = 1
    DUPLICATE = 2
    NEAR_DUPLICATE = 3


@dataclass(slots=True)
class Texts:
    """The different texts among all documents, in the order of their digests."""

    digests: npt.NDArray[np.void]
    first: npt.NDArray[np.int64]
    """The number of the first document that has each text."""

    copies: npt.NDArray[np.int64]
    """How many documents have it."""

    text_of: npt.NDArray[np.int64]
    """For each document, the place of its text."""


def different_texts(digests: npt.NDArray[np.void]) -> Texts:
    """The different texts, given the digest of each document, with the fields `high` and `low`."""
    high, low = (np.ascontiguousarray(digests[name], dtype=np.uint64) for name in ("high", "low"))
    order = np.lexsort((low, high))  # stable: equal texts stay in the order of their documents
    high, low = high[order], low[order]
    begins = np.ones(len(order), dtype=np.bool_)
    begins[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    starts = np.flatnonzero(begins)
    text_of = np.empty(len(order), dtype=np.int64)
    text_of[order] = np.cumsum(begins) - 1
    first = order[starts]
    return Texts(digests[first], first, np.diff(starts, append=len(order)), text_of)


def read_digests(shards: Sequence[FinishedShard]) -> npt.NDArray[np.void]:
    """The digest of every document, in order."""
    found: list[npt.NDArray[Any]] = []
    for shard in shards:
        rows = shard.rows()
        digests = np.empty(len(rows), DIGEST_TYPE)
        digests["high"], digests["low"] = rows["high"], rows["low"]
        found.append(digests)
    return np.concatenate(found) if found else np.empty(0, DIGEST_TYPE)


def without_duplicates(texts: Texts) -> Fates:
    """The fate of each document where only the first with each text is kept, before any is held out."""
    fates = np.full(len(texts.text_of), Fate.DUPLICATE, dtype=np.uint8)
    fates[texts.first] = Fate.TRAIN
    return fates


def drop_near_duplicates(texts: Texts, fates: Fates, near: npt.NDArray[np.bool_]) -> None:
    """Leave out, of the documents that are kept so far, those whose text is at a place that `near` marks."""
    fates[(fates == Fate.TRAIN) & near[texts.text_of]] = Fate.NEAR_DUPLICATE


def texts_kept(texts: Texts, fates: Fates) -> int:
    """How many different texts are kept."""
    return int(np.count_nonzero(np.bincount(texts.text_of[fates <= Fate.HELD_OUT], minlength=len(texts.first))))


def hold_out(texts: Texts, fates: Fates, share: float, seed: int) -> None:
    """Hold out a share of the documents that are kept so far; equal texts have one fate."""
    kept = fates == Fate.TRAIN
    copies = np.bincount(texts.text_of[kept], minlength=len(texts.first))
    there = np.flatnonzero(copies)
    chosen = np.zeros(len(texts.first), dtype=np.bool_)
    chosen[there] = choose_held_out(texts.digests[there], copies[there], share, seed)
    fates[kept & chosen[texts.text_of]] = Fate.HELD_OUT
