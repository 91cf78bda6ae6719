"""Is it worth reading? Rules with thresholds that hold for Chinese."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from zaoju import Cleaner, Dropped
from zaoju_builtin.cleaners.character_classes import Class, Codes, class_table, codes_of
from zaoju_builtin.cleaners.grams import gram_hashes
from zaoju_builtin.cleaners.options import QualityOptions
from zaoju_builtin.cleaners.profiles import SPAM, profile_of

_HOLDS_SENTENCE = re.compile("[。！？!?…；;]|[.：:，,]$")
_REPETITION = 10
"""Characters: five or six words, where FineWeb-2 looks at runs of five to ten words."""
_TOP = 4
_FEW_RARE = 3
"""So many rare hanzi are a name, whatever share of a short text they are."""
_PAIRS = 1 << 16
_ENOUGH_FOR_GRAMS = 40
"""Shorter texts have too few runs for a share of them to mean anything."""


class QualityCleaner(Cleaner[QualityOptions]):
    """Drops menus, lists of keywords, spam, repetitions and garbled text, each with the rule that it broke.

    The rules of C4 and Gopher look for blanks between words and ASCII full stops, and drop all Chinese. These follow
    FineWeb-2's filters for Chinese (Penedo et al. 2025), counted in characters. No text is changed.
    """

    def __init__(self, options: QualityOptions) -> None:
        super().__init__(options)
        self._profile = profile_of(options)
        words = sorted({word.lower() for word in (*SPAM.split(), *options.spam_words)}, key=len, reverse=True)
        self._spam = re.compile("|".join(map(re.escape, words)), re.IGNORECASE)
        self._beginnings = np.zeros(_PAIRS, dtype=np.bool_)
        for word in words:
            self._beginnings[_pairs(codes_of(word))[:1]] = True
            self._beginnings[_pairs(codes_of(word.upper()))[:1]] = True

    def clean(self, text: str) -> str | Dropped:
        """The text as it is, or the first rule that it breaks."""
        codes = codes_of(text)
        reason = (
            self._by_classes(text, codes)
            or self._by_grams(codes)
            or self._by_lines(text)
            or self._by_words(text, codes)
        )
        return Dropped(reason) if reason else text

    def _by_classes(self, text: str, codes: Codes) -> str | None:
        """What the characters are."""
        limits = self._profile
        counts = np.bincount(class_table()[codes], minlength=len(Class)).tolist()
        hanzi = counts[Class.FUNCTION] + counts[Class.COMMON] + counts[Class.RARE]
        seen = len(text) - counts[Class.WHITE]
        if hanzi < limits.minimum_hanzi:
            return "too_few_hanzi"
        if hanzi < limits.minimum_han_share * seen:
            return "low_han_share"
        if counts[Class.REPLACEMENT] > limits.maximum_replacement * seen:
            return "replacement_characters"
        if counts[Class.RARE] > max(_FEW_RARE, (1 - limits.minimum_common_share) * hanzi):
            return "rare_hanzi"
        if counts[Class.FUNCTION] < limits.minimum_function_share * hanzi:
            return "few_function_words"
        if counts[Class.SEPARATOR] + text.count(" ") > limits.maximum_separators * len(text):
            return "separators"
        return None

    def _by_grams(self, codes: Codes) -> str | None:
        """What is repeated, wherever it stands."""
        if len(codes) < _ENOUGH_FOR_GRAMS:
            return None
        limits = self._profile
        hashes = _sorted_grams(codes, _REPETITION)
        repeated = int((hashes[1:] == hashes[:-1]).sum())
        if repeated > limits.maximum_repetition * len(hashes):
            return "repetition"
        hashes = _sorted_grams(codes, _TOP)
        most = max(2, int(limits.maximum_top_gram * len(codes) / _TOP))  # where more are equal, they stand side by side
        return "repeated_phrase" if (hashes[most:] == hashes[:-most]).any() else None

    def _by_lines(self, text: str) -> str | None:
        """How the lines end, and whether they are told apart."""
        limits = self._profile
        lines = [bare for line in text.split("\n") if (bare := line.strip())]
        if len(lines) > limits.maximum_line_breaks * len(text) and len(lines) > 2:
            return "line_breaks"
        if sum(bool(_HOLDS_SENTENCE.search(line)) for line in lines) < limits.minimum_ended_lines * len(lines):
            return "unended_lines"
        if len(lines) > 3 and len(lines) - len(Counter(lines)) > limits.maximum_repeated_lines * len(lines):
            return "repeated_lines"
        return None

    def _by_words(self, text: str, codes: Codes) -> str | None:
        """Whether it sells what nobody asked for. Only places where a word may begin are looked at."""
        filled = done = 0
        for place in np.flatnonzero(self._beginnings[_pairs(codes)]).tolist():
            if place >= done and (found := self._spam.match(text, place)):
                done = found.end()
                filled += done - place
        return "spam" if filled > self._profile.maximum_spam * len(text) else None


def _sorted_grams(codes: Codes, length: int) -> NDArray[np.uint32]:
    """The runs of so many characters as sorted numbers; half of each hash is enough for shares."""
    return np.sort((gram_hashes(codes, length) >> np.uint64(32)).astype(np.uint32))


def _pairs(codes: Codes) -> NDArray[np.uint32]:
    """A number below `_PAIRS` for every two characters in a row."""
    pairs: NDArray[np.uint32] = (codes[:-1] * np.uint32(0x9E3779B1) + codes[1:] * np.uint32(0x85EBCA77)) >> np.uint32(
        16
    )
    return pairs
