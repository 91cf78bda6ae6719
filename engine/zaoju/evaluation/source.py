"""Comparison with a source whose text has a known probability."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from zaoju.errors import UserError

if TYPE_CHECKING:
    from zaoju.contracts import KnownSource
    from zaoju.evaluation.bits import Score


@dataclass(frozen=True, slots=True)
class SourceComparison:
    """How near a model comes to the source of its text."""

    entropy: float
    """Bits per character of the scored texts under the source itself: the least that a model can need, on average."""

    gap: float
    """How many bits per character the model needs more than that."""

    foreign_texts: int
    """Scored texts that the source could not have written. Where this is not 0, `entropy` speaks of the other texts
    alone, and `gap` compares unlike things."""

    accepted: int
    """How many of the generated texts the source could have written."""

    samples: int
    """How many generated texts there are."""

    def to_json(self) -> dict[str, object]:
        """Plain data."""
        return asdict(self)


def compare_with_source(
    source: KnownSource, texts: Iterable[str], score: Score, samples: Sequence[str]
) -> SourceComparison:
    """Set a model beside the source of its text.

    `texts` are the documents behind `score`; their bits per character under the source estimate, from just these
    documents, the source's entropy. `samples` are whole texts that the model wrote. Raises `UserError` where none of
    the texts is of this source.
    """
    nats, characters, foreign = 0.0, 0, 0
    for text in filter(None, texts):
        log_probability = source.log_probability(text)
        if log_probability is None:
            foreign += 1
        else:
            nats -= log_probability
            characters += len(text)
    if not characters:
        raise UserError(
            f"none of the {foreign} scored texts could come from this source: compare with the source of the texts"
        )
    entropy = nats / math.log(2) / characters
    return SourceComparison(
        entropy=entropy,
        gap=score.bits_per_character - entropy,
        foreign_texts=foreign,
        accepted=sum(source.log_probability(sample) is not None for sample in samples),
        samples=len(samples),
    )
