"""No segmentation."""

from __future__ import annotations

from zaoju import Options, Segmenter


class NoSegmenter(Segmenter[Options]):
    """The whole text is one piece, so a vocabulary such as `bpe` finds its own units."""

    def segment(self, text: str) -> list[str]:
        """The text."""
        return [text]
