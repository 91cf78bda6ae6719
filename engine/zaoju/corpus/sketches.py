"""What is kept of a document while near-duplicates are looked for: some 170 bytes, however long it is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from zaoju.corpus.ngrams import Hashes, fold_rows, ngram_hashes
from zaoju.errors import CorpusError

if TYPE_CHECKING:
    from zaoju.config import NearDuplicates

Sketches: TypeAlias = NDArray[np.void]
"""One record a document, of `Sketcher.dtype`."""

_SLOTS = 128
_RECALL = 0.98
_SEED = 20_08


class Sketcher:
    """Makes the sketches of documents; it can be sent to a worker process.

    A sketch has one key for each *band*: a group of `rows` numbers of the document's MinHash (Broder 1997). Two
    documents of Jaccard similarity s agree in one such number with probability s, in a band with s^rows, and in at
    least one of the bands with 1 - (1 - s^rows)^bands. Only documents that share a key are ever compared.

    Raises `CorpusError` where the package rensa, which computes MinHash, is not installed.
    """

    def __init__(self, settings: NearDuplicates) -> None:
        try:
            import rensa  # an extra, needed only where near-duplicates are looked for
        except ImportError as error:
            raise CorpusError(
                f"corpus.near_duplicates needs the package rensa, which cannot be imported ({error}):"
                " `pip install 'zaoju[near-duplicates]'`, or leave `corpus.near_duplicates` empty to keep them"
            ) from error
        self.threshold, self.ngram = settings.threshold, settings.ngram
        self.bands, self.rows = bands_and_rows(settings.threshold)
        self.dtype = np.dtype(
            [("keys", "<u8", (self.bands,)), ("ngrams", "<u4"), ("characters", "<u4"), ("digest", ">u8", (2,))]
        )
        """A sketch: the key of each band, how many different n-grams, the length, and the digest of the text."""
        self._signature: Any = rensa.RMinHash.digest_matrix_from_flat_token_hashes

    def sketch(self, text: str, digest: bytes) -> bytes:
        """The sketch of a text, as the bytes of one record of `dtype`; `digest` is 16 bytes that stand for the text."""
        hashes = self.ngrams(text)
        record = np.zeros(1, self.dtype)
        if len(hashes):
            record["keys"] = self._keys(hashes)
        record["ngrams"], record["characters"] = len(hashes), len(text)
        record["digest"] = np.frombuffer(digest, ">u8")
        return record.tobytes()

    def ngrams(self, text: str) -> Hashes:
        """The n-grams that documents are compared by; empty for a text that is too short to have one."""
        return ngram_hashes(text, self.ngram)

    def _keys(self, hashes: Hashes) -> Hashes:
        """The key of each band."""
        matrix = self._signature(hashes, [0, len(hashes)], self.bands * self.rows, _SEED)
        return fold_rows(np.array(matrix.to_rows(), np.uint64).reshape(self.bands, self.rows))


def bands_and_rows(threshold: float) -> tuple[int, int]:
    """The bands and their rows: as many rows as leave a pair just at `threshold` a chance of 98 % to be compared.

    More rows mean fewer comparisons in vain, and need more bands for the same recall; all rows of all bands together
    are at most 128. A fixed number of bands, such as the usual 14 of 8 rows, finds only 92 % of the pairs at 0.8.
    """
    found = (1, 1)
    for rows in range(1, _SLOTS + 1):
        agree = threshold**rows
        bands = 1 if agree >= _RECALL else math.ceil(math.log(1 - _RECALL) / math.log1p(-agree))
        if bands * rows <= _SLOTS:
            found = bands, rows
    return found
