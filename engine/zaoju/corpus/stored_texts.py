"""The different texts of a corpus that lies in shards, read again one by one."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from zaoju.contracts import Document
from zaoju.corpus.fates import Texts
from zaoju.corpus.near_duplicates import NearDuplicatesFound, find_near_duplicates
from zaoju.corpus.shards import FinishedShard
from zaoju.corpus.sketches import Sketcher, Sketches


def near_duplicates_of(
    texts: Texts, shards: Sequence[FinishedShard], sketcher: Sketcher, scratch: Path, watch: Callable[[int, int], None]
) -> NearDuplicatesFound:
    """Which of the different texts are almost the same as one that stays; they are named by their places in `texts`.

    `scratch` is a file that holds their sketches meanwhile. `watch` is told how many texts are done, and of how many.
    """
    stored = StoredTexts(texts, shards)
    found = find_near_duplicates(stored.sketches(sketcher, scratch), stored.text, sketcher, watch)
    scratch.unlink()
    return found


class StoredTexts:
    """Finds the text, and the sketch, of each different text by its place."""

    def __init__(self, texts: Texts, shards: Sequence[FinishedShard]) -> None:
        self._shards = shards
        sizes = [shard.rows()["bytes"].astype(np.uint32) for shard in shards]
        self._sizes = sizes
        self._begins = np.cumsum([0, *map(len, sizes)])
        """The number of the first document of each shard."""
        self._starts = [np.cumsum(size, dtype=np.int64) - size for size in sizes]
        self._first = texts.first

    def text(self, place: int) -> str:
        """The text at a place."""
        return self.document(place).text

    def document(self, place: int) -> Document:
        """The first document with the text at a place, cleaned."""
        document = int(self._first[place])
        shard = int(np.searchsorted(self._begins, document, side="right")) - 1
        row = document - int(self._begins[shard])
        (line,) = self._shards[shard].lines([int(self._starts[shard][row])], [int(self._sizes[shard][row])])
        value = json.loads(line)
        return Document(value["text"], value["source"])

    def sketches(self, sketcher: Sketcher, path: Path) -> Sketches:
        """The sketches of all different texts, in the order of their places, mapped from a new file at `path`."""
        gathered = np.memmap(path, sketcher.dtype, "w+", shape=(len(self._first),))
        for number, shard in enumerate(self._shards):
            begin, end = self._begins[number : number + 2]
            here = np.flatnonzero((self._first >= begin) & (self._first < end))
            gathered[here] = shard.sketches(sketcher)[self._first[here] - begin]
        return gathered
