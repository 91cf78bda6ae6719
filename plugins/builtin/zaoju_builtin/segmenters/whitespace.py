"""For text that is already cut."""

from __future__ import annotations

import re

from zaoju import Options, Segmenter

_WORD_OR_BLANKS = re.compile(r"\s+|\S+")


class WhitespaceSegmenter(Segmenter[Options]):
    """Words stand between white space; each run of white space is a piece as well."""

    def segment(self, text: str) -> list[str]:
        """The words and the white space, in order."""
        return _WORD_OR_BLANKS.findall(text)
