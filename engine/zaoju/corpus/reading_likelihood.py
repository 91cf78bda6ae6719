"""How likely bytes are to be Chinese in an encoding: the encoding in which they read best is the right one.

The likelihood of bytes under an encoding is the product of the frequencies of the characters that they decode to (naive
Bayes over single characters, as in Li and Momoi, "A composite approach to language/encoding detection", 2001). Each
candidate explains the same bytes, so the products can be compared, however many bytes a character takes.
"""

from __future__ import annotations

import codecs
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

LogProbabilities: TypeAlias = NDArray[np.float32]

UNREADABLE = "\ufffd"
"""What stands in a decoded text where bytes could not be decoded."""

_BEYOND = 0x20000
"""Characters from here on, rare hanzi, share one entry of the table."""

_COMMON = math.log(5e-5)
_VALID = math.log(1e-5)
_HANZI_SHARE = 0.75
_RANGES = (
    # First and last character, and the probability of each between them. Later ranges win over earlier ones.
    (0x0000, 0x1FFFF, 1e-10),  # controls, what is not assigned, private use
    (0x0020, 0x007E, 2e-3),
    (0x0009, 0x000A, 1e-2),
    (0x000D, 0x000D, 1e-2),
    (0x00A0, 0x00BF, 1e-5),
    (0x00C0, 0x00FF, 1e-4),
    (0x0100, 0x024F, 1e-6),
    (0x0370, 0x052F, 1e-6),
    (0x1100, 0x11FF, 1e-9),
    (0x2010, 0x2027, 1e-4),
    (0x2030, 0x205E, 1e-6),
    (0x20A0, 0x27BF, 1e-6),  # signs, arrows, circled numbers, lines, shapes
    (0x2E80, 0x2FDF, 1e-8),
    (0x3000, 0x3020, 1e-5),
    (0x3041, 0x30FF, 1e-6),
    (0x3105, 0x312F, 1e-6),
    (0x3200, 0x33FF, 1e-7),
    (0x3400, 0x4DBF, 1e-8),
    (0x4E00, 0x9FFF, 1e-7),
    (0xAC00, 0xD7A3, 1e-8),
    (0xF900, 0xFAFF, 1e-8),
    (0xFE30, 0xFE6F, 1e-6),
    (0xFF01, 0xFF5E, 1e-5),
    (0x1F300, 0x1FAFF, 1e-7),
)
_MARKS = (
    ("，", 6e-2),
    ("。", 3e-2),
    ("、“”：", 1e-2),
    ("！？「」\u3000", 5e-3),
    ("；…—", 3e-3),
    ("《》（）", 2e-3),
    ("·『』‘’", 1e-3),
    ("【】〈〉", 5e-4),
    (UNREADABLE, 3e-9),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """Bytes read in one encoding."""

    encoding: str
    log_probability: float
    """Of all characters, in nats; the greatest among the readings of the same bytes is the best."""

    foreign: int
    """How many characters are beyond ASCII."""

    common: int
    """How many of those are common in Chinese text."""

    unreadable: int
    """How many places could not be decoded."""

    @property
    def share_of_common(self) -> float:
        """Of Chinese text, 0.8 to 1 in the right encoding and below 0.2 in a wrong one; 0 where all is ASCII."""
        return self.common / self.foreign if self.foreign else 0.0


def read_as(samples: Sequence[bytes], encoding: str) -> Reading:
    """`samples` of a file read in `encoding`. What cannot be decoded counts against it, a cut last character not."""
    decode = codecs.getincrementaldecoder(encoding)
    return reading_of("".join(decode("replace").decode(sample) for sample in samples), encoding)


def reading_of(text: str, encoding: str) -> Reading:
    """The reading whose text is `text`."""
    each, foreign = log_probabilities(text, encoding)
    return Reading(
        encoding,
        log_probability=float(each.sum(dtype=np.float64)),
        foreign=int(np.count_nonzero(foreign)),
        common=int(np.count_nonzero(foreign & (each > _COMMON))),
        unreadable=text.count(UNREADABLE),
    )


def count_common(text: str, encoding: str) -> tuple[int, int]:
    """How many characters of `text` are beyond ASCII, and how many of those are common in Chinese text."""
    each, foreign = log_probabilities(text, encoding)
    return int(np.count_nonzero(foreign)), int(np.count_nonzero(foreign & (each > _COMMON)))


def log_probabilities(text: str, encoding: str) -> tuple[LogProbabilities, NDArray[np.bool_]]:
    """The log-probability of every character, and which of them are beyond ASCII.

    In UTF-8 a valid sequence is evidence by itself, so there no character beyond ASCII is very unlikely.
    """
    codes = np.frombuffer(text.encode("utf-32-le", errors="surrogatepass"), np.uint32)
    each = _table()[np.minimum(codes, _BEYOND)]
    foreign = codes >= 0x80
    if encoding == "utf-8":
        np.maximum(each, _VALID, out=each, where=foreign & (codes != ord(UNREADABLE)))
    return each, foreign


@lru_cache(maxsize=1)
def _table() -> LogProbabilities:
    """The log-probability of each character below `_BEYOND`, and at last of all beyond."""
    table = np.empty(_BEYOND + 1, np.float64)
    table[_BEYOND] = 1e-8
    for first, last, probability in _RANGES:
        table[first : last + 1] = probability
    for line in (resources.files("zaoju.corpus") / "hanzi_frequencies.txt").read_text("utf-8").splitlines():
        if line[0].isdigit():
            power, hanzi = line.split()
            codes = [ord(character) for character in hanzi]
            table[codes] = np.maximum(table[codes], _HANZI_SHARE * 0.5 ** int(power))
    for marks, probability in _MARKS:
        table[[ord(mark) for mark in marks]] = probability
    return np.log(table).astype(np.float32)
