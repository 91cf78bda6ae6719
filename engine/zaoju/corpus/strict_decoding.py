"""Decoding a file in an encoding that a person has named: the first byte that is not in it ends the reading."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from typing import BinaryIO

from zaoju.corpus.tolerant_decoding import BYTE_ORDER_MARK, Block, Span

_BLOCK = 1 << 16


class UndecodableError(Exception):
    """A byte is not in the encoding."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset
        """Where it stands in the file."""


class StrictDecoding:
    """Decodes one file, or a span of it."""

    def __init__(self, encoding: str, span: Span) -> None:
        self.read = 0
        """How many bytes have been taken in."""
        self.line = span.line
        """The line that the present block begins in."""
        self._encoding = encoding
        self._span = span

    def blocks(self, source: BinaryIO) -> Iterator[Block]:
        """The text, with every line end as a line feed, up to the first byte that is not in the encoding.

        Raises `UndecodableError` there.
        """
        decoder = codecs.getincrementaldecoder(self._encoding)()
        newlines = io.IncrementalNewlineDecoder(None, translate=True)
        start, end = self._span.start, self._span.end
        if start:
            source.seek(start)
        block = b"-"
        while block:
            at_start = start + self.read == 0
            block = source.read(_BLOCK if end is None else min(_BLOCK, end - start - self.read))
            self.read += len(block)
            bad: int | None = None
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                from_bad = len(error.object) - error.start
                bad = start + self.read - from_bad
                text = decoder.decode(block[: max(0, len(block) - from_bad)])
            text = newlines.decode(text.removeprefix(BYTE_ORDER_MARK) if at_start else text, final=not block)
            yield Block(text)
            self.line += text.count("\n")
            if bad is not None:
                raise UndecodableError(bad)
