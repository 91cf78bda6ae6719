"""Conformance kits: a plugin author inherits from one, and pytest checks the component against its contract.

Needs pytest and hypothesis. Every name is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zaoju.lazy import lazy_names

if TYPE_CHECKING:
    from zaoju.testing.cleaner import CleanerContract
    from zaoju.testing.hostile_text import HOSTILE_TEXTS
    from zaoju.testing.reader import ReaderContract
    from zaoju.testing.segmenter import SegmenterContract
    from zaoju.testing.selector import SelectorContract
    from zaoju.testing.transform import TransformContract
    from zaoju.testing.vocabulary import VocabularyContract

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "zaoju.testing.cleaner": ("CleanerContract",),
        "zaoju.testing.hostile_text": ("HOSTILE_TEXTS",),
        "zaoju.testing.reader": ("ReaderContract",),
        "zaoju.testing.segmenter": ("SegmenterContract",),
        "zaoju.testing.selector": ("SelectorContract",),
        "zaoju.testing.transform": ("TransformContract",),
        "zaoju.testing.vocabulary": ("VocabularyContract",),
    },
)

__all__ = [
    "HOSTILE_TEXTS",
    "CleanerContract",
    "ReaderContract",
    "SegmenterContract",
    "SelectorContract",
    "TransformContract",
    "VocabularyContract",
]
