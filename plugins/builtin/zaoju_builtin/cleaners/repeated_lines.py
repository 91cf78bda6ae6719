"""Lines that come again and again in one document: headers, footers, navigation, page numbers."""

from __future__ import annotations

import re
from collections import Counter

from zaoju import Cleaned, Cleaner
from zaoju_builtin.cleaners.characters import SENTENCE_ENDS
from zaoju_builtin.cleaners.options import RepeatedLinesOptions

_PAGE_NUMBER = re.compile(
    r"""[-–—·\s]*(?: [-–—·]\s*\d{1,4}\s*[-–—·]
        | 第?\s*\d{1,4}\s*页(?:\s*[,，/]?\s*共\s*\d{1,4}\s*页)?
        | \d{1,4}\s*/\s*\d{1,4}
        | (?:page|p\.)\s*\d{1,4}(?:\s*(?:of|/)\s*\d{1,4})? )[-–—·\s]*""",
    re.VERBOSE | re.IGNORECASE,
)


class RepeatedLinesCleaner(Cleaner[RepeatedLinesOptions]):
    """Of a line that comes `times` or more in one document the first stays; page numbers go where there are as many.

    A line that ends as a sentence does is speech or a refrain unless it is long, and stays. Not for verse or plays.
    """

    def clean(self, text: str) -> str | Cleaned:
        """The text without the repetitions, and how many lines went."""
        times = self.options.times
        lines = text.split("\n")
        if len(lines) < times:
            return text
        counts = Counter(map(str.strip, lines))
        repeated = {line for line, count in counts.items() if count >= times and self._may_go(line)}
        numbers = {line for line in counts if len(line) < 24 and _PAGE_NUMBER.fullmatch(line)}
        if sum(counts[line] for line in numbers) < times or not self.options.page_numbers:
            numbers = set()
        if not repeated and not numbers:
            return text
        return self._without(lines, repeated, numbers)

    def _may_go(self, line: str) -> bool:
        if len(line) < self.options.minimum_characters:
            return False
        return line[-1] not in SENTENCE_ENDS or len(line) >= self.options.long_sentence

    def _without(self, lines: list[str], repeated: set[str], numbers: set[str]) -> Cleaned:
        kept: list[str] = []
        seen: set[str] = set()
        changes = Counter[str]()
        for line in lines:
            bare = line.strip()
            if bare in numbers:
                changes["page_numbers"] += 1
            elif bare in repeated and bare in seen:
                changes["repeated_lines"] += 1
            else:
                kept.append(line)
                seen.add(bare)
        return Cleaned("\n".join(kept), dict(changes))
