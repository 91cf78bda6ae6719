"""Text that was decoded in the wrong encoding: read it back, or drop it."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from zaoju import Cleaned, Cleaner, Dropped
from zaoju_builtin.cleaners.character_classes import Class, class_table, codes_of, good_classes
from zaoju_builtin.cleaners.options import MojibakeOptions


def _cp1252() -> dict[int, int]:
    """What the bytes 0x80 to 0x9F are in cp1252, back to the bytes; the five that it leaves open are themselves."""
    signs = {byte: bytes([byte]).decode("cp1252", "ignore") for byte in range(0x80, 0xA0)}
    return {ord(sign): byte for byte, sign in signs.items() if sign}


_TO_BYTE = _cp1252()
_HIGH = "\u0080-\u00ff" + "".join(map(chr, _TO_BYTE))
_HIGH_RUN = re.compile(f"[{_HIGH}]{{2,}}")
_ONLY_LATIN = re.compile(f"[\\x00-\\x7f{_HIGH}]*")
_REPLACED = "\ufffd"
_REPLACED_TWICE = "锟斤拷"
"""Two U+FFFD in UTF-8, read as GBK: what is left of text that was spoiled twice."""

_SUSPECT = 0.5
"""A line in which fewer of the characters beyond ASCII are common hanzi or Chinese punctuation is looked at."""
_GOOD = 0.75
"""So many of them must be, once it is read back. Chinese has 0.9 and more, a wrong decoding below 0.4."""
_FEWEST = 2
"""So many odd characters make a line worth a look."""
_LOST = 0.2
"""A line with so many characters that could not be decoded is lost, whatever was done to it."""
_LEAST = 4
"""Fewer characters beyond ASCII prove nothing by themselves."""


class MojibakeCleaner(Cleaner[MojibakeOptions]):
    """Undoes a wrong decoding line by line: UTF-8 or GBK read as Latin-1 or cp1252, UTF-8 or Big5 read as GBK.

    A reading is taken only where it is exact and turns rare characters into common ones, so clean text never changes.
    Where characters were lost on the way, nothing brings them back: such documents are dropped. Put it before `basic`,
    which takes out the control characters that half of the spoiled bytes look like.

    ftfy repairs the first kind only, and by default rewrites Chinese punctuation.
    """

    def __init__(self, options: MojibakeOptions) -> None:
        super().__init__(options)
        good = np.flatnonzero(good_classes()[class_table()])
        odd = "[^\\x00-\\x7f" + re.escape("".join(map(chr, good[good >= 0x80].tolist()))) + "]"
        self._odd = re.compile(f"{odd}[^\\n]{{0,4}}{odd}")
        """Two odd characters close to each other: a line that is wrongly decoded has them, and most texts have not."""

    def clean(self, text: str) -> str | Cleaned | Dropped:
        """The text read back, and how many lines of each kind; or the kind that is beyond repair."""
        if not self._odd.search(text):  # most texts, and far less work
            return text
        changes = Counter[str]()
        while suspects := _suspects(text):
            repaired = _repaired(text, suspects, changes)
            if repaired == text:
                break
            text = repaired
        if self.options.beyond_repair == "drop" and (reason := self._beyond_repair(text, suspects)):
            return Dropped(reason)
        return Cleaned(text, dict(changes)) if changes else text

    def _beyond_repair(self, text: str, suspects: list[tuple[int, int]]) -> str | None:
        """What was done to most of the lines that are lost; None where these are few."""
        lines = Counter[str]()
        for start, end in suspects:
            if kind := _lost(text[start:end]):
                lines[kind] += end - start
        if sum(lines.values()) <= self.options.maximum_damaged * len(text):
            return None
        return max(lines, key=lambda kind: (lines[kind], kind))


def _suspects(text: str) -> list[tuple[int, int]]:
    """Where the lines with something odd begin and end. Almost all text has none, and costs one look."""
    codes = codes_of(text)
    classes = class_table()[codes]
    foreign = codes >= 0x80
    bad = foreign & ~good_classes()[classes]
    if bad.sum() < _FEWEST:
        return []
    ends = np.append(np.flatnonzero(codes == ord("\n")), len(codes))
    starts = np.append(0, ends[:-1] + 1)
    odd = _per_line(bad, starts, ends) > (1 - _SUSPECT) * _per_line(foreign, starts, ends)
    odd |= _per_line(classes == Class.LATIN_1, starts, ends) >= _FEWEST
    if _REPLACED_TWICE in text:
        odd |= _per_line(codes == ord(_REPLACED_TWICE[0]), starts, ends) >= _FEWEST
    return [(int(start), int(end)) for start, end in zip(starts[odd], ends[odd], strict=True)]


def _per_line(marked: NDArray[np.bool_], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    sums = np.append(0, np.cumsum(marked))
    counts: NDArray[np.int64] = sums[ends] - sums[starts]
    return counts


def _score(line: str) -> float:
    """The share of common hanzi and Chinese punctuation among the characters beyond ASCII; 0 where there are none."""
    codes = codes_of(line)
    foreign = codes >= 0x80
    count = int(foreign.sum())
    return float(good_classes()[class_table()[codes]][foreign].sum()) / count if count else 0.0


def _repaired(text: str, suspects: list[tuple[int, int]], changes: Counter[str]) -> str:
    """The text with every suspect line read back where that is certain. Short lines follow the longer ones."""
    readings = [_reading(text[start:end]) for start, end in suspects]
    proven = {kind for kind, _, proof in filter(None, readings) if proof}
    parts: list[str] = []
    done = 0
    for (start, end), reading in zip(suspects, readings, strict=True):
        if reading is None or reading[0] not in proven:
            continue
        parts += [text[done:start], reading[1]]
        done = end
        changes[reading[0]] += 1
    return "".join([*parts, text[done:]])


def _reading(line: str) -> tuple[str, str, bool] | None:
    """Which kind of mojibake a line is, the line read back, and whether it is long enough to prove it."""
    long = sum(character > "\x7f" for character in line) >= _LEAST
    before = _score(line)
    if _HIGH_RUN.search(line) and _REPLACED not in line:
        read = _HIGH_RUN.sub(_utf8_run, line)
        if read != line and _score(read) > before:
            return "utf8_as_latin1", read, long
        if _ONLY_LATIN.fullmatch(line) and _better(
            read := _recoded(line.translate(_TO_BYTE), "latin-1", "gb18030"), before
        ):
            return "gbk_as_latin1", read, long
    if _better(read := _recoded(line, "gb18030", "utf-8"), before):
        return "utf8_as_gbk", read, long
    if _better(read := _recoded(line, "gb18030", "cp950"), before):
        return "big5_as_gbk", read, long
    return None


def _better(read: str, before: float) -> bool:
    return _score(read) >= max(_GOOD, before + 0.25)


def _utf8_run(run: re.Match[str]) -> str:
    """Bytes that are UTF-8, once or several times over, and of characters that take three bytes, as Chinese ones do."""
    read = run[0]
    while read and all(character <= "\u07ff" or ord(character) in _TO_BYTE for character in read):
        read = _recoded(read.translate(_TO_BYTE), "latin-1", "utf-8")
    return read or run[0]


def _recoded(text: str, read_as: str, written_in: str, errors: str = "strict") -> str:
    """What the bytes of the text say in the encoding that they were written in; empty where they say nothing."""
    try:
        return text.encode(read_as, errors).decode(written_in, errors)
    except UnicodeError:
        return ""


def _lost(line: str) -> str | None:
    """Which wrong decoding has spoiled a line for good; None where it is just odd."""
    foreign = sum(character > "\x7f" for character in line)
    if foreign < _LEAST:
        return None
    spoiled = line.count(_REPLACED) + 3 * line.count(_REPLACED_TWICE)
    bare = line.replace(_REPLACED, "")
    if _ONLY_LATIN.fullmatch(bare):
        octets = bare.translate(_TO_BYTE)
        if _mostly_chinese(_recoded(octets, "latin-1", "utf-8", "ignore"), foreign / 3):
            return "utf8_as_latin1"
        if _mostly_chinese(_recoded(octets, "latin-1", "gb18030", "ignore"), foreign / 2):
            return "gbk_as_latin1"
    if spoiled < _SUSPECT * foreign:
        if _mostly_chinese(_recoded(bare, "gb18030", "utf-8", "ignore"), foreign * 2 / 3):
            return "utf8_as_gbk"
        if _mostly_chinese(_recoded(bare, "gb18030", "cp950", "ignore"), foreign):
            return "big5_as_gbk"
    return "gbk_as_utf8" if spoiled > _LOST * foreign else None


def _mostly_chinese(read: str, expected: float) -> bool:
    """Whether half of the characters that the bytes should give are there, and good."""
    return sum(character > "\x7f" for character in read) >= expected / 2 and _score(read) >= _GOOD
