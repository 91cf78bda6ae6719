"""What several cleaners know of characters."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from zaoju_builtin.cleaners.hanzi import FOLDED, VARIANTS

HANZI = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Hanzi, for a character class of `re`; with the compatibility blocks."""

SENTENCE_ENDS = "。！？!?…；;：:”’」』）)》〉】〕"
"""Characters that a sentence, or a part of one that may stand alone on a line, ends with in Chinese."""

FULL_WIDTH_LETTERS = {
    full: full - 0xFEE0 for full in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))
}
"""Full-width Latin letters and digits to ASCII, for `str.translate`."""

_NOT_COMPATIBILITY_HANZI = re.compile("[^\uf900-\ufaff\U0002f800-\U0002fa1f]+")


def composed(text: str) -> str:
    """NFC, except for the hanzi of the compatibility blocks, which NFC would replace by others."""
    if unicodedata.is_normalized("NFC", text):
        return text
    return _NOT_COMPATIBILITY_HANZI.sub(lambda part: unicodedata.normalize("NFC", part[0]), text)


@cache
def variants() -> dict[int, int]:
    """Every hanzi of `hanzi.VARIANTS` to the form that it is compared in, for `str.translate`."""
    return {ord(variant): ord(form) for variant, form in zip(VARIANTS, FOLDED, strict=True)}
