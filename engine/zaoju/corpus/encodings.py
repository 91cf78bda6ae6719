"""Which encoding a file seems to be in: only ever a hint in a message, never a silent guess."""

from __future__ import annotations

import codecs

_CANDIDATES = ("utf-8", "gb18030", "big5hkscs", "utf-16-le", "utf-16-be")
_COMMON = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里"
    "這個們來為國說時會對於著過發後裡無道見學開長現經頭動兩還進種點將問只如事把所然都去好看起成家想小多天心，。"
)
_NEEDED = 0.12


def suggest_encoding(sample: bytes, offset: int = 0) -> str | None:
    """The encoding in which `sample` reads most like Chinese; None where nothing fits.

    `offset` is where the sample stands in its file. In the right encoding about 30 % of Chinese text are common
    characters, in a wrong one below 3 %.
    """
    if offset == 0 and sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    scores = {name: _share_of_common(_decode(sample, name, offset)) for name in _CANDIDATES}
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] >= _NEEDED else None


def _decode(sample: bytes, encoding: str, offset: int) -> str:
    """Units of two bytes begin at even places of the file."""
    start = offset % 2 if encoding.startswith("utf-16") else 0
    return sample[start:].decode(encoding, errors="replace")


def _share_of_common(text: str) -> float:
    """The share of the commonest characters among all beyond ASCII; what cannot be read counts against it."""
    foreign = [character for character in text if not character.isascii()]
    return sum(character in _COMMON for character in foreign) / len(foreign) if foreign else 0.0
