"""Conformance kits: a plugin author inherits from one, and pytest checks the component against its contract.

Needs pytest and hypothesis. Every name is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zaoju.lazy import lazy_names

if TYPE_CHECKING:
    from zaoju.testing.cleaner import CleanerContract
    from zaoju.testing.constraint import ConstraintContract
    from zaoju.testing.decoding_rows import Row
    from zaoju.testing.engines import decoding_engine
    from zaoju.testing.executor import ExecutorContract
    from zaoju.testing.hash_runner import HashRunner
    from zaoju.testing.hostile_text import HOSTILE_TEXTS
    from zaoju.testing.initialiser import InitialiserContract
    from zaoju.testing.proposer import ProposerContract
    from zaoju.testing.reader import ReaderContract
    from zaoju.testing.runner import RunnerContract
    from zaoju.testing.search import SearchContract
    from zaoju.testing.segmenter import SegmenterContract
    from zaoju.testing.selector import SelectorContract
    from zaoju.testing.strategy import StrategyContract
    from zaoju.testing.tracker import TrackerContract
    from zaoju.testing.transforms.contract import TransformContract
    from zaoju.testing.vocabulary import VocabularyContract

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "zaoju.testing.cleaner": ("CleanerContract",),
        "zaoju.testing.constraint": ("ConstraintContract",),
        "zaoju.testing.engines": ("decoding_engine",),
        "zaoju.testing.decoding_rows": ("Row",),
        "zaoju.testing.executor": ("ExecutorContract",),
        "zaoju.testing.hash_runner": ("HashRunner",),
        "zaoju.testing.hostile_text": ("HOSTILE_TEXTS",),
        "zaoju.testing.initialiser": ("InitialiserContract",),
        "zaoju.testing.proposer": ("ProposerContract",),
        "zaoju.testing.reader": ("ReaderContract",),
        "zaoju.testing.runner": ("RunnerContract",),
        "zaoju.testing.search": ("SearchContract",),
        "zaoju.testing.segmenter": ("SegmenterContract",),
        "zaoju.testing.selector": ("SelectorContract",),
        "zaoju.testing.strategy": ("StrategyContract",),
        "zaoju.testing.tracker": ("TrackerContract",),
        "zaoju.testing.transforms.contract": ("TransformContract",),
        "zaoju.testing.vocabulary": ("VocabularyContract",),
    },
)

__all__ = [
    "HOSTILE_TEXTS",
    "CleanerContract",
    "ConstraintContract",
    "ExecutorContract",
    "HashRunner",
    "InitialiserContract",
    "ProposerContract",
    "ReaderContract",
    "Row",
    "RunnerContract",
    "SearchContract",
    "SegmenterContract",
    "SelectorContract",
    "StrategyContract",
    "TrackerContract",
    "TransformContract",
    "VocabularyContract",
    "decoding_engine",
]
