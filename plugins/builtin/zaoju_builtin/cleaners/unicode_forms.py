"""One form for what Unicode writes in several ways."""

from __future__ import annotations

import re
import unicodedata

from zaoju import Cleaned, Cleaner, Dropped
from zaoju_builtin.cleaners.characters import FULL_WIDTH_LETTERS, HANZI, composed
from zaoju_builtin.cleaners.options import UnicodeOptions

# Unicode's EquivalentUnifiedIdeograph names the hanzi of each radical; here are those that stand for a whole hanzi,
# as text from PDF files has them. The Kangxi radicals are all mapped by NFKC.
_RADICALS = "⺒⺝⺟⺠⺰⻁⻄⻅⻆⻈⻉⻋⻐⻓⻔⻘⻙⻚⻛⻜⻝⻠⻢⻣⻤⻥⻦⻧⻨⻩⻪⻬⻮⻰⻳"
_THEIR_HANZI = "巳月母民纟虎西见角讠贝车钅长门青韦页风飞食饣马骨鬼鱼鸟卤麦黄黾齐齿龙龟"
_WIDE = re.compile("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]+")
_RADICAL = re.compile("[\u2e80-\u2fd5]")
_SPACE = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f]+")
_INNER_IDEOGRAPHIC = re.compile(r"(?<=\S)[^\S\n]*\u3000[^\S\n]*")
_SELECTOR = re.compile(f"(?<=[{HANZI}])[\ufe00-\ufe0f\U000e0100-\U000e01ef]+")
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_PRIVATE = re.compile("[\ue000-\uf8ff\ufdd0-\ufdef\ufffe\uffff\U000f0000-\U0010ffff]+")
_COMPATIBILITY = re.compile("[\uf900-\ufaff\U0002f800-\U0002fa1f]")
_INDENT = re.compile(r"^[^\S\n]+", re.MULTILINE)


class UnicodeCleaner(Cleaner[UnicodeOptions]):
    """Full-width letters and digits become ASCII, radicals hanzi, odd spaces plain ones; Chinese punctuation stays.

    NFKC does all this too, but it also turns ，：（） into ASCII, …… into six full stops and ① into 1, so it is an
    option and not the default.
    """

    def __init__(self, options: UnicodeOptions) -> None:
        super().__init__(options)
        radicals = {chr(code): unicodedata.normalize("NFKC", chr(code)) for code in range(0x2F00, 0x2FD6)}
        self._radicals = radicals | dict(zip(_RADICALS, _THEIR_HANZI, strict=True))

    def clean(self, text: str) -> str | Cleaned | Dropped:
        """The text in one form; `private_use` where it holds characters without a meaning and these are not wanted."""
        options = self.options
        changes: dict[str, int] = {}
        if options.private_use != "keep" and _PRIVATE.search(text):
            if options.private_use == "drop":
                return Dropped("private_use")
            text = _counted(_PRIVATE, "", text, changes, "private_use")
        if options.variation_selectors == "remove" and _SELECTORS.search(text):
            text = _SELECTOR.sub("", text)
        if options.letters_and_digits == "half_width":
            text = _WIDE.sub(lambda run: run[0].translate(FULL_WIDTH_LETTERS), text)
        if options.radicals == "hanzi":
            text = _RADICAL.sub(lambda radical: self._radicals.get(radical[0], radical[0]), text)
        if options.compatibility_hanzi == "unified":
            text = _COMPATIBILITY.sub(lambda hanzi: unicodedata.normalize("NFC", hanzi[0]), text)
        if options.form == "NFC":
            text = composed(text)
        elif options.form == "NFKC":
            text = unicodedata.normalize("NFKC", text)
        if options.spaces == "plain":
            text = _SPACE.sub(lambda run: " " * len(run[0]), text)
            if "\u3000" in text:  # the search is slow
                text = _INNER_IDEOGRAPHIC.sub(lambda run: run[0].replace("\u3000", " "), text)
        if options.indents == "remove":
            text = _INDENT.sub("", text)
        return Cleaned(text, changes) if changes else text


def _counted(pattern: re.Pattern[str], by: str, text: str, changes: dict[str, int], rule: str) -> str:
    text, times = pattern.subn(by, text)
    changes[rule] = times
    return text
