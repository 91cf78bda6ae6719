"""How much of what a model writes it has learned by heart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from zaoju.corpus import ngram_hashes

PASSAGE = 20
"""Characters in a passage. So many in a row come from memory: two people hardly write them by chance."""

_BATCH_CHARACTERS = 1 << 20
_BETWEEN = "\U00010380"
"""A letter that stands between two documents, so that no passage reaches over: the first of the Ugaritic alphabet."""


@dataclass(frozen=True, slots=True)
class Copied:
    """Passages that a model wrote, and how many of them stand in the text that it was trained on.

    A passage is 20 letters or digits in a row (`PASSAGE`); white space and punctuation do not count.
    """

    passages: int
    """How many different ones the texts have."""

    copied: int
    """How many of these the training text has."""

    @property
    def share(self) -> float:
        """The share that is copied; 0 where the texts are too short to have a passage."""
        return self.copied / self.passages if self.passages else 0.0


def count_copied(written: Iterable[str], trained_on: Iterable[str]) -> Copied:
    """Look the passages of all `written` texts up in the training text. Memory grows with what was written only."""
    hashes = [ngram_hashes(text, PASSAGE) for text in written]
    wanted = np.unique(np.concatenate([np.empty(0, np.uint64), *hashes]))
    found = np.zeros(len(wanted), dtype=np.bool_)
    if len(wanted):
        for batch in _batches(trained_on):
            found |= np.isin(wanted, ngram_hashes(batch, PASSAGE))
    return Copied(len(wanted), int(found.sum()))


def _batches(texts: Iterable[str]) -> Iterator[str]:
    """The texts joined to long ones, since short ones cost more for being called for than for being read."""
    batch: list[str] = []
    characters = 0
    for text in texts:
        batch.append(text)
        characters += len(text)
        if characters >= _BATCH_CHARACTERS:
            yield _BETWEEN.join(batch)
            batch, characters = [], 0
    yield _BETWEEN.join(batch)
