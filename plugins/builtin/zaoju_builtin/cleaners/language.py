"""Is it Chinese? The shares of the scripts say so without a model."""

from __future__ import annotations

import re

from zaoju import Cleaner, Dropped
from zaoju_builtin.cleaners.options import LanguageOptions

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff々〇]+")
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa\u31f0-\u31ff\uff66-\uff9d]+")
_HANGUL = re.compile("[\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3]+")
_LATIN_WORD = re.compile("[A-Za-z\u00c0-\u024f]+")
_OTHER = re.compile("[\u0370-\u10ff\u1200-\u1cff\ua500-\uabff\ufb1d-\ufdff\ufe70-\ufefc]+")


class LanguageCleaner(Cleaner[LanguageOptions]):
    """Drops what is not written in hanzi, by the shares of Han, kana, Hangul, Latin words and other letters.

    A Latin word counts as one letter, since it says about as much as a hanzi or two: a Chinese manual full of the names
    of programs stays Chinese. Short texts say too little and stay. No text is changed.
    """

    def clean(self, text: str) -> str | Dropped:
        """The text as it is; or `japanese`, `korean`, `other_script`, `too_few_hanzi`."""
        han = _characters(_HAN, text)
        kana, hangul, other = _characters(_KANA, text), _characters(_HANGUL, text), _characters(_OTHER, text)
        latin = len(_LATIN_WORD.findall(text))
        letters = han + kana + hangul + other + latin
        if letters < self.options.minimum_letters:
            return text
        if kana > self.options.maximum_kana * letters:
            return Dropped("japanese")
        if hangul > self.options.maximum_hangul * letters:
            return Dropped("korean")
        if other > self.options.maximum_other * letters:
            return Dropped("other_script")
        return text if han >= self.options.minimum_han * letters else Dropped("too_few_hanzi")


def _characters(script: re.Pattern[str], text: str) -> int:
    return sum(map(len, script.findall(text)))
