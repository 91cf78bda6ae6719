"""Which document went for which other, on disk: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from zaoju.corpus.near_duplicates import NearDuplicatesFound
from zaoju.corpus.stored_texts import StoredTexts
from zaoju.errors import CorpusError

NEAR_PAIRS = "near_duplicates.jsonl"

_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class NearPair:
    """A document that is left out, and the one that stays in its place."""

    source: str
    stays: str
    """The source of the one that stays."""

    similarity: float
    """The share of n-grams in common."""

    text: str
    """The beginning of the one that is left out."""

    staying_text: str


def write_near_pairs(path: Path, found: NearDuplicatesFound, stored: StoredTexts, check: Callable[[], None]) -> None:
    """Write a line for each near-duplicate. `check` may raise to stop it."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for item in found.found:
            check()
            goes, stays = stored.document(item.document), stored.document(item.stays)
            pair = NearPair(
                goes.source,
                stays.source,
                round(item.similarity, 4),
                goes.text[:_CHARACTERS],
                stays.text[:_CHARACTERS],
            )
            file.write(json.dumps(asdict(pair), ensure_ascii=False) + "\n")


def read_near_pairs(folder: Path) -> Iterator[NearPair]:
    """What was written into the folder of a prepared corpus; nothing where near-duplicates were not looked for.

    Raises `CorpusError` where the file cannot be read.
    """
    path = folder / NEAR_PAIRS
    if not path.exists():
        return
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            for line in file:
                yield NearPair(**json.loads(line))
    except (OSError, ValueError, TypeError) as error:
        raise CorpusError(f"{path} cannot be read: {error}; run `zaoju prepare` again") from None
