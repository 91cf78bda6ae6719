"""Evaluation: bits per character, and how near a model comes to a source of known entropy."""

from zaoju.evaluation.bits import Score, bits_per_character
from zaoju.evaluation.source import SourceComparison, compare_with_source

__all__ = ["Score", "SourceComparison", "bits_per_character", "compare_with_source"]
