"""Evaluation: bits per character, how near a model comes to a source of known entropy, and what it has copied."""

from zaoju.evaluation.bits import Score, bits_per_character
from zaoju.evaluation.copied import PASSAGE, Copied, count_copied
from zaoju.evaluation.source import SourceComparison, compare_with_source

__all__ = [
    "PASSAGE",
    "Copied",
    "Score",
    "SourceComparison",
    "bits_per_character",
    "compare_with_source",
    "count_copied",
]
