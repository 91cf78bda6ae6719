"""The rules that fit any text."""

from __future__ import annotations

import re

from zaoju import Cleaner, Dropped
from zaoju_builtin.cleaners.characters import HANZI, composed
from zaoju_builtin.cleaners.options import BasicOptions

_LINE_END = re.compile(r"\r\n|[\r\v\f\x85\u2028\u2029]")
_CONTROL = "\x00-\x08\x0e-\x1f\x7f-\x9f"
_INVISIBLE = "\u00ad\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
_JUNK = re.compile(f"[{_CONTROL}{_INVISIBLE}]+")
_JOINER_BY_HANZI = re.compile(f"(?<=[{HANZI}])[\u200c\u200d]+|[\u200c\u200d]+(?=[{HANZI}])")
_BLANKS_AT_LINE_END = re.compile(r"[^\S\n]+(?=\n)")
_BLANK_LINES = re.compile(r"\n{3,}")


class BasicCleaner(Cleaner[BasicOptions]):
    """Line ends, characters that nobody sees, and stray white space; what is empty or too short is dropped.

    - Every line end becomes a line feed: CR LF, CR, form feed, Unicode's own line and paragraph separators.
    - Control characters, byte order marks, zero-width spaces, soft hyphens and marks of writing direction go. The
      zero-width joiner and non-joiner stay, as emoji and other scripts need them, except beside a hanzi.
    - NFC, except for the hanzi of the compatibility blocks, which NFC would replace by others.
    - White space at the end of lines and of the document goes; of several blank lines one is left. White space at the
      beginning of a line stays, as it may be an indent.
    """

    def clean(self, text: str) -> str | Dropped:
        """The cleaned text, or `empty` or `too_short`."""
        text = _LINE_END.sub("\n", text)
        text = _JUNK.sub("", text)
        if "\u200c" in text or "\u200d" in text:  # rare, and the search is slow
            text = _JOINER_BY_HANZI.sub("", text)
        if self.options.normalise == "NFC":
            text = composed(text)
        text = _BLANKS_AT_LINE_END.sub("", text)
        text = _BLANK_LINES.sub("\n\n", text).strip()
        if not text:
            return Dropped("empty")
        return text if len(text) >= self.options.min_characters else Dropped("too_short")
