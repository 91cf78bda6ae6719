"""The contract of a segmenter: text in, words out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic

from zaoju.contracts.options import OptionsT_co


class Segmenter(ABC, Generic[OptionsT_co]):
    """Cuts text into words. Write `segment`; the engine does the rest.

    The engine aligns the pieces back to the text, so a library that drops white space is fine: what it dropped is put
    back as pieces of its own, and `"".join(pieces) == text` always holds for whoever uses the segmenter. A library that
    changes characters cannot be aligned, and that is an error, never lost text.

    A segmenter is built once per process from its options, also in worker processes, so keep slow loading in
    `__init__`. It must give the same pieces for the same text every time.
    """

    def __init__(self, options: OptionsT_co) -> None:
        self.options = options

    @abstractmethod
    def segment(self, text: str) -> list[str]:
        """The words of `text`, in order."""

    def segment_batch(self, texts: Sequence[str]) -> list[list[str]]:
        """The words of each text. Override it only where the library is faster on many texts at once."""
        return [self.segment(text) for text in texts]
