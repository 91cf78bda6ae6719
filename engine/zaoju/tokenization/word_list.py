"""Lists of words in files, and scores that let a word of a list be found in text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from zaoju.errors import UserError

_AHEAD = math.log(2)


def read_words(path: Path) -> list[str]:
    """The words of a file, one a line, without the white space around them.

    Raises `UserError` where the file is missing, is not UTF-8, has no word, or is a dictionary with numbers.
    """
    try:
        words = list(_words(path.read_bytes(), path))
    except OSError as error:
        raise UserError(f"the word list {path} cannot be read: {error.strerror}") from error
    if not words:
        raise UserError(f"the word list {path} has no words: write one word a line")
    if all(len(word.split()) > 1 and word.split()[1].isdecimal() for word in words):
        raise UserError(
            f"the word list {path} has a number after every word (line 1: {words[0]!r}), as jieba's dictionaries do: "
            "keep the first column only"
        )
    return words


def raise_unseen(scores: dict[str, float], unseen: Iterable[str]) -> None:
    """Raise the score of each unseen word above that of the best way to write it with other tokens.

    A word that a list asks for is then cut as one token, however frequent its parts are. It is the idea of jieba's
    `suggest_freq`. Shorter words come first, for they may be parts of longer ones.
    """
    longest = max(map(len, scores), default=0)
    for word in sorted(unseen, key=lambda word: (len(word), word)):
        scores[word] = max(scores[word], min(best_split(word, scores, longest) + _AHEAD, 0.0))


def best_split(word: str, scores: Mapping[str, float], longest: int) -> float:
    """The highest score of `word` written with at least two tokens of at most `longest` characters; -inf where it
    cannot be."""
    best = [0.0] + [-math.inf] * len(word)
    for end in range(1, len(word) + 1):
        for start in range(max(0, end - longest), end):
            part = word[start:end]
            if part != word and part in scores:
                best[end] = max(best[end], best[start] + scores[part])
    return best[len(word)]


def _words(content: bytes, path: Path) -> Iterator[str]:
    """Each line's word; an error names the line that is not UTF-8."""
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").splitlines(), start=1):
        try:
            word = line.decode("utf-8").strip()
        except UnicodeDecodeError as error:
            raise UserError(
                f"the word list {path} is not UTF-8: line {number}, byte {error.start + 1} of it; save it as UTF-8"
            ) from error
        if word:
            yield word
