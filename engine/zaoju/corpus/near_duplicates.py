"""Which documents are almost the same as a longer one: LSH over MinHash finds them, their n-grams decide.

Every document that goes is truly as similar as the threshold says to the one that stays in its place. Connected
components of similar pairs, which are usual elsewhere, do not give that: along a chain of small edits they join texts
that have nothing in common.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zaoju.corpus.ngrams import Hashes, jaccard
from zaoju.corpus.sketches import Sketcher, Sketches

_MOST_IN_A_BUCKET = 64
_KEPT_BYTES = 1 << 26


@dataclass(frozen=True, slots=True)
class NearDuplicate:
    """One document that goes, and why."""

    document: int
    """Its place among the sketches."""

    stays: int
    """The place of the document that stays instead: longer, or as long with a smaller digest."""

    similarity: float
    """The Jaccard similarity of their n-grams."""


@dataclass(frozen=True, slots=True)
class NearDuplicatesFound:
    """The near-duplicates of a corpus."""

    found: tuple[NearDuplicate, ...] = ()
    """In the order of the documents."""

    crowded: int = 0
    """Documents that stay and that share a key with more others than are compared, so that copies may be left."""


def find_near_duplicates(
    sketches: Sketches, text_of: Callable[[int], str], sketcher: Sketcher, watch: Callable[[int, int], None]
) -> NearDuplicatesFound:
    """Go through the documents from the longest to the shortest; each stays unless it is like one that stays.

    Which documents stay depends only on the set of texts, not on their order. `sketches` has the records of `sketcher`
    and may be mapped from a file. `text_of` reads a document again; only those are read that share a key with another,
    and about 64 MB of their n-grams are kept. `watch` is told how many of these are done, and of how many; it may raise
    to stop the work.

    Memory: 16 bytes a document, and 16 for each key that a document shares. Work: a document is compared with at most
    64 others for each of its keys, however many share it, so text that half of the corpus has in common (a licence, a
    menu) cannot bring it to a stand.
    """
    shared, bucket_of, starts = _shared_keys(sketches)
    order = _longest_first(sketches[shared])
    sets = _NgramSets(lambda document: sketcher.ngrams(text_of(document)))
    sizes = sketches["ngrams"][shared].astype(np.int64)
    leaders: dict[int, list[int]] = {}
    found, crowded = [], 0
    for rank, place in enumerate(order.tolist()):
        watch(rank, len(order))
        buckets = bucket_of[starts[place] : starts[place + 1]].tolist()
        match = None
        for other in _most_shared_first(buckets, leaders):
            of_other = int(order[other])
            if _ratio(sizes[place], sizes[of_other]) < sketcher.threshold:
                continue
            one, stays = int(shared[place]), int(shared[of_other])
            similarity = jaccard(sets.get(one), sets.get(stays))
            if similarity >= sketcher.threshold:
                match = NearDuplicate(one, stays, similarity)
                break
        if match is None:
            crowded += not _add_leader(rank, buckets, leaders)
        else:
            found.append(match)
    return NearDuplicatesFound(tuple(sorted(found, key=lambda item: item.document)), crowded)


def _shared_keys(sketches: Sketches) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The documents that share a key with another, the buckets of all of them in a row, and where each one's begin.

    A bucket is a number for one key of one band that several documents have.
    """
    with_ngrams = np.flatnonzero(sketches["ngrams"])
    documents, buckets, first = [np.empty(0, np.int64)], [np.empty(0, np.int64)], 0
    for band in range(sketches.dtype["keys"].shape[0]):
        keys = sketches["keys"][with_ngrams, band]
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        follows = np.zeros(len(ordered), bool)
        follows[1:] = ordered[1:] == ordered[:-1]
        shared = follows.copy()
        shared[:-1] |= follows[1:]
        begins = shared & ~follows
        documents.append(with_ngrams[order[shared]])
        buckets.append(first + np.cumsum(begins)[shared] - 1)
        first += int(begins.sum())
    of, bucket = np.concatenate(documents), np.concatenate(buckets)
    order = np.argsort(of, kind="stable")
    found, starts = np.unique(of[order], return_index=True)
    return found, bucket[order], np.append(starts, len(of))


def _longest_first(sketches: Sketches) -> NDArray[np.int64]:
    """The order of the comparison: by characters, then by digest, so that it is a matter of the texts alone."""
    digests = sketches["digest"]
    return np.lexsort((digests[:, 1], digests[:, 0], -sketches["characters"].astype(np.int64)))


def _most_shared_first(buckets: list[int], leaders: dict[int, list[int]]) -> Iterator[int]:
    """The ranks of the documents that stay and share a key, those that share more keys first."""
    shared = Counter(rank for bucket in buckets for rank in leaders.get(bucket, ()))
    yield from sorted(shared, key=lambda rank: (-shared[rank], rank))


def _add_leader(rank: int, buckets: list[int], leaders: dict[int, list[int]]) -> bool:
    """Let later documents be compared with this one; whether there was room in every bucket."""
    room = True
    for bucket in buckets:
        there = leaders.setdefault(bucket, [])
        if len(there) < _MOST_IN_A_BUCKET:
            there.append(rank)
        else:
            room = False
    return room


def _ratio(one: int, other: int) -> float:
    """No Jaccard similarity of two sets is above the ratio of their sizes."""
    return min(one, other) / max(one, other)


class _NgramSets:
    """The n-grams of documents, made when they are asked for; the last used ones are kept, up to a number of bytes."""

    def __init__(self, make: Callable[[int], Hashes]) -> None:
        self._make = make
        self._kept: OrderedDict[int, Hashes] = OrderedDict()
        self._bytes = 0

    def get(self, document: int) -> Hashes:
        """The n-grams of the document at this place."""
        if document in self._kept:
            self._kept.move_to_end(document)
            return self._kept[document]
        hashes = self._make(document)
        self._kept[document] = hashes
        self._bytes += hashes.nbytes
        while self._bytes > _KEPT_BYTES and len(self._kept) > 2:
            self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return hashes
