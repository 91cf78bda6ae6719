"""Reading a file of the user's own words, once for every segmenter that takes one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from zaoju import UserError

_LINE = re.compile(r"(?P<word>\S+)(?:\s+(?P<frequency>[0-9]+))?(?:\s+(?P<tag>[A-Za-z]{1,5}))?")
_MOST = 10**12


@dataclass(frozen=True, slots=True)
class Entry:
    """A word that the user wants to be one piece."""

    word: str
    frequency: int | None
    """How often it is in the text that the library's own frequencies were counted in; None leaves it to the library."""


def read_dictionary(path: Path, segmenter: str) -> list[Entry]:
    """The words of a file in jieba's format, UTF-8, one `word [frequency [tag]]` a line; a tag is read over.

    Raises `UserError`, which names `segmenter`, for a file that is missing, empty or in another encoding, and for a
    line that is no word. A frequency of 0 is refused: with it jieba deletes the word, for the whole process.
    """
    label = f"{segmenter}: the dictionary {path}"
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{label} cannot be read: {error.strerror}; give the path of a text file with one word a line, or leave "
            "`dictionary` out"
        ) from error
    entries = [
        _entry(line.strip(), f"{label}, line {number}")
        for number, line in enumerate(_decoded(raw, label).splitlines(), start=1)
        if line.strip()
    ]
    if not entries:
        raise UserError(f"{label} has no word in it: write one word a line, or leave `dictionary` out")
    return entries


def _decoded(raw: bytes, label: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{label} is not UTF-8: line {line} has the byte 0x{raw[error.start]:02x}; save the file as UTF-8"
        ) from error


def _entry(line: str, label: str) -> Entry:
    found = _LINE.fullmatch(line)
    if found is None:
        raise UserError(
            f"{label}: {line[:40]!r} is not `word [frequency [tag]]`; a word has no blanks in it, a frequency is a "
            "whole number, and a tag has up to 5 letters"
        )
    frequency = None if found["frequency"] is None else int(found["frequency"])
    if frequency is not None and not 1 <= frequency <= _MOST:
        raise UserError(
            f"{label}: {found['word'][:40]!r} has the frequency {found['frequency'][:20]}; it must be from 1 to "
            f"{_MOST:,}, or left out so that the word is just frequent enough to be found"
        )
    return Entry(found["word"], frequency)
