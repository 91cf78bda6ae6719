"""Evaluation: bits per character, how near a model comes to a source of known entropy, and what it has copied.

Every name is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zaoju.lazy import lazy_names

if TYPE_CHECKING:
    from zaoju.evaluation.bits import Score, bits_per_character
    from zaoju.evaluation.copied import PASSAGE, Copied, count_copied
    from zaoju.evaluation.source import SourceComparison, compare_with_source

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "zaoju.evaluation.bits": ("Score", "bits_per_character"),
        "zaoju.evaluation.copied": ("PASSAGE", "Copied", "count_copied"),
        "zaoju.evaluation.source": ("SourceComparison", "compare_with_source"),
    },
)

__all__ = [
    "PASSAGE",
    "Copied",
    "Score",
    "SourceComparison",
    "bits_per_character",
    "compare_with_source",
    "count_copied",
]
