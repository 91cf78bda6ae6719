"""Lines of one file in different encodings: which line is in which.

The most probable sequence of encodings is found with the Viterbi algorithm (1967): a line pays for reading badly, and a
change to an encoding that is not the usual one pays too. So a short line is read like its neighbours, and a damaged
byte does not make a line change its encoding.
"""

from __future__ import annotations

import codecs
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zaoju.corpus.reading_likelihood import UNREADABLE, log_probabilities
from zaoju.corpus.resynchronising import decode_resynchronising

LINE_ENCODINGS = ("utf-8", "gb18030", "cp950", "big5hkscs")
"""Encodings in which the byte of a line feed is always a line feed, so that each line can be read by itself."""

_CHANGE = math.log(1e-12)
_IMPLAUSIBLE = -10.5
"""The mean log-probability of characters beyond ASCII is above -9 in Chinese lines, below -12 in misread ones."""

_ENOUGH = 3
_PLACES = 16
_LONG = 1 << 14


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring lines in one encoding."""

    start: int
    """The first byte, and `end` is the one after the last."""

    end: int
    encoding: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """Bytes that have become text."""

    text: str
    """With U+FFFD at each place that could not be decoded."""

    pending: bytes
    """Bytes at the end that begin a character."""

    places: int = 0
    """How many places could not be decoded."""

    lost: int = 0
    """How many bytes those places have."""


def encodings_of_lines(data: bytes, usual: str) -> list[Run]:
    """The most probable encoding of each line, as runs that cover `data`; before it, the encoding was `usual`."""
    names = (usual, *(name for name in LINE_ENCODINGS if name != usual))
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n")) + 1
    if not ends.size or ends[-1] < len(data):
        ends = np.append(ends, len(data))
    columns = [_line_scores(data, name, usual, ends.size) for name in names]
    if any(column is None for column in columns):
        return [Run(0, len(data), usual)]
    scores = np.stack([column for column in columns if column is not None], axis=1)
    return list(_runs(_best_path(scores.tolist()), ends.tolist(), names))


def has_implausible_line(text: str, encoding: str) -> bool:
    """Whether some line of `text`, decoded without an error, is still hardly Chinese: it may be in another encoding."""
    each, foreign = log_probabilities(text, encoding)
    starts = np.flatnonzero(np.frombuffer(text.encode("utf-32-le"), np.uint32) == ord("\n")) + 1
    starts = np.concatenate([[0], starts[starts < len(text)]])
    count = np.add.reduceat(foreign, starts, dtype=np.int64) if len(text) else np.zeros(1)
    total = np.add.reduceat(np.where(foreign, each, 0), starts, dtype=np.float64) if len(text) else np.zeros(1)
    return bool(np.any((count >= _ENOUGH) & (total < _IMPLAUSIBLE * count)))


def decode_replacing(data: bytes, encoding: str, *, final: bool) -> Decoded:
    """Decode, with U+FFFD for what cannot be, and count it. Until `final`, a character that breaks off is pending."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    text = decoder.decode(data, final)
    pending = b"" if final else decoder.getstate()[0]
    if UNREADABLE in text and len(data) <= _LONG:
        text = decode_resynchronising(data.removesuffix(pending), encoding, _PLACES)
    places = text.count(UNREADABLE)
    if not places:
        return Decoded(text, pending)
    there = UNREADABLE.encode(encoding, errors="ignore")
    genuine = data.count(there) if there else 0
    good = len(text.replace(UNREADABLE, "").encode(encoding, errors="ignore"))
    places = max(0, places - genuine)
    return Decoded(text, pending, places, max(places, len(data) - len(pending) - good - genuine * len(there)))


def _line_scores(data: bytes, encoding: str, usual: str, lines: int) -> NDArray[np.float64] | None:
    """The log-probability of each line; None where the encoding finds other lines, as HZ does that joins some."""
    text = data.decode(encoding, errors="replace")
    if UNREADABLE in text and encoding == usual:
        text = "\n".join(decode_resynchronising(line, encoding, _PLACES) for line in data.split(b"\n"))
    each, _ = log_probabilities(text, encoding)
    starts = np.flatnonzero(np.frombuffer(text.encode("utf-32-le"), np.uint32) == ord("\n")) + 1
    starts = np.concatenate([[0], starts[starts < len(text)]])
    return np.add.reduceat(each, starts, dtype=np.float64) if starts.size == lines and text else None


def _best_path(scores: list[list[float]]) -> list[int]:
    """For each line, which of the encodings lies on the most probable path. The first is the usual one."""
    change = [0.0] + [_CHANGE] * (len(scores[0]) - 1)
    totals = list(change)
    came_from: list[list[int]] = []
    for line in scores:
        best = max(range(len(totals)), key=totals.__getitem__)
        changed = [totals[best] + price for price in change]
        came_from.append([own if totals[own] >= changed[own] else best for own in range(len(totals))])
        totals = [max(total, other) + score for total, other, score in zip(totals, changed, line, strict=True)]
    path = [max(range(len(totals)), key=totals.__getitem__)]
    for sources in reversed(came_from[1:]):
        path.append(sources[path[-1]])
    return path[::-1]


def _runs(path: list[int], ends: list[int], names: tuple[str, ...]) -> Iterator[Run]:
    start = 0
    for index, end in enumerate(ends):
        if index + 1 == len(ends) or path[index + 1] != path[index]:
            yield Run(start, end, names[path[index]])
            start = end
