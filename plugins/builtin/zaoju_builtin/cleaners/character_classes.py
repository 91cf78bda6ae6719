"""Characters sorted into classes, with numpy: counting the classes of a text costs nanoseconds a character."""

from __future__ import annotations

from enum import IntEnum
from functools import cache

import numpy as np
from numpy.typing import NDArray

from zaoju_builtin.cleaners.hanzi import COMMON, FOLDED, VARIANTS

Codes = NDArray[np.uint32]
"""The code points of a text."""
Classes = NDArray[np.uint8]
"""A `Class` for each character of a text."""


class Class(IntEnum):
    """What a character is, as far as cleaners ask."""

    OTHER = 0
    WHITE = 1
    LETTER = 2
    """ASCII letters and digits, full-width ones too."""
    FUNCTION = 3
    """The hanzi that modern Chinese cannot do without, such as 的."""
    COMMON = 4
    """The other common hanzi, in any script."""
    RARE = 5
    """All other hanzi."""
    SENTENCE_END = 6
    PUNCTUATION = 7
    """All other Chinese punctuation."""
    SEPARATOR = 8
    """What stands between the items of menus and lists of keywords."""
    REPLACEMENT = 9
    """U+FFFD: something that could not be decoded."""
    LATIN_1 = 10
    """U+0080 to U+00FF, where wrongly decoded bytes end up; without the middle dot, which is Chinese too."""


_FUNCTION = "的一是不了在有我这个他们你就也都和说要到与及或但而被把从对于以等着过所之其为又很还"
_SENTENCE_ENDS = "。！？!?…；;：:”’」』）)》"
_PUNCTUATION = "，、“‘「『（《〈〉【】〔〕—·～"
_SEPARATORS = "|/\\_>»›•,-+*=#&~｜／＞＿"


def codes_of(text: str) -> Codes:
    """The code points of `text`, as a view of its bytes."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


@cache
def class_table() -> Classes:
    """The class of every code point. Where a character is in two classes, the later one here counts."""
    table = np.zeros(0x110000, dtype=np.uint8)
    for first, last in ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF)):
        table[first : last + 1] = Class.RARE
    table[0x80:0x100] = Class.LATIN_1
    common = set(COMMON)
    common.update(variant for variant, form in zip(VARIANTS, FOLDED, strict=True) if form in COMMON)
    letters = [*range(0x30, 0x3A), *range(0x41, 0x5B), *range(0x61, 0x7B)]
    members: list[tuple[Class, str]] = [
        (Class.COMMON, "".join(common)),
        (Class.FUNCTION, _FUNCTION),
        (Class.LETTER, "".join(map(chr, [*letters, *(letter + 0xFEE0 for letter in letters)]))),
        (Class.PUNCTUATION, "".join(map(chr, [*range(0x3001, 0x3020), *range(0xFF01, 0xFF10)]))),
        (Class.SEPARATOR, _SEPARATORS),
        (Class.PUNCTUATION, _PUNCTUATION),
        (Class.SENTENCE_END, _SENTENCE_ENDS),
        (Class.WHITE, " \t\n\r\u3000"),
        (Class.REPLACEMENT, "\ufffd"),
    ]
    for kind, characters in members:
        table[[ord(character) for character in characters]] = kind
    return table


def good_classes() -> NDArray[np.bool_]:
    """By class: whether it is what ordinary Chinese consists of beyond ASCII."""
    good = np.zeros(len(Class), dtype=np.bool_)
    good[[Class.WHITE, Class.LETTER, Class.FUNCTION, Class.COMMON, Class.SENTENCE_END, Class.PUNCTUATION]] = True
    return good
