"""Decoding past a damaged byte in encodings of two bytes a hanzi, where it would shift all that follows by one byte."""

from __future__ import annotations

from zaoju.corpus.reading_likelihood import UNREADABLE, log_probabilities

_SHIFTED = frozenset({"gb18030", "cp950", "big5hkscs"})
_AHEAD = 40


def decode_resynchronising(data: bytes, encoding: str, most: int) -> str:
    """Decode with U+FFFD for what cannot be, going on where the text after it reads best: one byte later, or two.

    Python always goes on one byte later. Where the first byte of a hanzi is damaged, that makes wrong hanzi of all that
    follow in the line. After `most` places the rest is left to Python.
    """
    if encoding not in _SHIFTED:
        return data.decode(encoding, errors="replace")
    pieces: list[str] = []
    at = 0
    for _ in range(most):
        try:
            return "".join([*pieces, data[at:].decode(encoding)])
        except UnicodeDecodeError as error:
            bad = at + error.start
            pieces += [data[at:bad].decode(encoding), UNREADABLE]
            at = max((bad + 1, bad + 2), key=lambda place: _reads(data[place : bad + _AHEAD], encoding))
    return "".join([*pieces, data[at:].decode(encoding, errors="replace")])


def _reads(data: bytes, encoding: str) -> float:
    """The log-probability of what follows, up to the line's end."""
    text = data.split(b"\n", 1)[0].decode(encoding, errors="replace")
    each, _ = log_probabilities(text, encoding)
    return float(each.sum())
