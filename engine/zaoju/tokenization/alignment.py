"""Putting back what a segmenter drops, so that no text is ever lost."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from zaoju.errors import UserError

_CONTEXT = 20


def align(text: str, pieces: Iterable[str], segmenter: str = "the segmenter") -> list[str]:
    """The pieces of any segmenter, such that `"".join(...)` is `text` again.

    What was dropped between pieces, or inside one, becomes pieces of its own, as long as it is white space, a control
    character or a format character (Unicode's classes Z and C). Empty pieces go.

    Raises `UserError` naming `segmenter` and the place where other characters were changed, lost or added.
    """
    given = [piece for piece in pieces if piece]
    if "".join(given) == text:
        return given
    aligned: list[str] = []
    position = 0
    for piece in given:
        start = _find(text, piece, position)
        if start is None:
            parts = _match_with_gaps(text, piece, position)
            if parts is None:
                raise UserError(_complaint(text, piece, _skip(text, position), segmenter))
        else:
            parts = [text[position:start], piece] if start > position else [piece]
        aligned += parts
        position += sum(map(len, parts))
    if _skip(text, position) < len(text):
        raise UserError(_complaint(text, "", _skip(text, position), segmenter))
    return [*aligned, text[position:]] if position < len(text) else aligned


def _find(text: str, piece: str, position: int) -> int | None:
    """Where `piece` stands whole, with nothing but droppable characters before it."""
    while not text.startswith(piece, position):
        if position == len(text) or not _droppable(text[position]):
            return None
        position += 1
    return position


def _match_with_gaps(text: str, piece: str, position: int) -> list[str] | None:
    """The characters of `piece` one by one, and what was dropped between them as parts of their own."""
    parts = [""]
    for character in piece:
        start = _find(text, character, position)
        if start is None:
            return None
        if start > position:
            parts += [text[position:start], ""]
        parts[-1] += character
        position = start + 1
    return [part for part in parts if part]


def _skip(text: str, position: int) -> int:
    """The first character from `position` on that must not be dropped."""
    while position < len(text) and _droppable(text[position]):
        position += 1
    return position


def _droppable(character: str) -> bool:
    return unicodedata.category(character)[0] in "ZC"


def _complaint(text: str, piece: str, position: int, segmenter: str) -> str:
    before, after = text[max(0, position - _CONTEXT) : position], text[position : position + _CONTEXT]
    given = f"gave the piece {piece[:_CONTEXT]!r}" if piece else "gave nothing more"
    return (
        f"segmenter {segmenter!r} changes the text: after {before!r}, at character {position + 1:,}, the text goes on"
        f" {after!r}, but it {given}. Only white space and control characters may be left out: choose another"
        " segmenter, or clean such characters out of the corpus."
    )
