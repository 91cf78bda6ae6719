"""A stream of bytes in chunks of whole lines, cut at the same places wherever the reading begins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

WINDOW = 1 << 17
"""Bytes. A chunk has the lines that begin in one window of the file, so it does not depend on where reading began."""

_MOST = 4 * WINDOW


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some lines; or, of a very long line, a piece."""

    offset: int
    """Where it begins in the file."""

    data: bytes
    whole: bool
    """False where it breaks off inside a line, and perhaps inside a character."""


class LineChunks:
    """Chunks from the source's place, which is byte `offset` of its file and the beginning of a line, to its end.

    After a chunk that is not whole, the bytes of the broken character may be given back. Memory is bounded: a line
    longer than four windows comes in pieces.
    """

    def __init__(self, source: BinaryIO, offset: int) -> None:
        self._source = source
        self._offset = offset
        self._held = b""
        self._ended = False

    def __iter__(self) -> Iterator[Chunk]:
        """One chunk after another."""
        whole = True
        while True:
            # After a piece of a long line comes the rest of that line, by itself.
            end = self._end_of_lines(WINDOW - self._offset % WINDOW if whole else 1)
            if not end:
                return
            data, self._held = self._held[:end], self._held[end:]
            offset, self._offset = self._offset, self._offset + end
            whole = data.endswith(b"\n") or (self._ended and not self._held)
            yield Chunk(offset, data, whole)

    def give_back(self, data: bytes) -> None:
        """`data`, the end of the last chunk, will begin the next one."""
        self._held = data + self._held
        self._offset -= len(data)

    def _end_of_lines(self, least: int) -> int:
        """How many bytes there are up to the first line feed at or after byte `least`; all where none comes."""
        searched = least - 1
        while True:
            found = self._held.find(b"\n", searched)
            if found >= 0:
                return found + 1
            searched = max(searched, len(self._held))
            if self._ended or len(self._held) >= _MOST:
                return min(len(self._held), _MOST)
            block = self._source.read(WINDOW)
            self._ended = not block
            self._held += block


def seek_first_line(source: BinaryIO, place: int) -> int:
    """Move `source` to the first line that begins in the window of `place`, where a line begins; return its byte."""
    offset = place - place % WINDOW
    if offset:
        source.seek(offset - 1)
        while True:
            found = source.read(WINDOW).find(b"\n")
            if found >= 0:
                offset += found
                break
            offset += WINDOW
    source.seek(offset)
    return offset
