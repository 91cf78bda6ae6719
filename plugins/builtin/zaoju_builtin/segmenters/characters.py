"""One piece a character."""

from __future__ import annotations

from zaoju import Options, Segmenter


class CharacterSegmenter(Segmenter[Options]):
    """Every Unicode code point is a piece; a combining accent and each part of a joined emoji stand alone."""

    def segment(self, text: str) -> list[str]:
        """The characters."""
        return list(text)
