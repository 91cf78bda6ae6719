"""The lines of a text file, decoded strictly and in bounded memory."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from zaoju.contracts import Problem
from zaoju.corpus.encodings import suggest_encoding
from zaoju.corpus.source_files import SourceFile, describe

_BLOCK = 1 << 16
_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Line:
    """One line, without its end."""

    number: int
    """Counted from 1."""

    text: str | None
    """None where the line is longer than allowed; its text was passed over without being kept."""

    bytes: int = 0
    """How many bytes a line without text has."""


class _UndecodableError(Exception):
    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


class TextLines:
    """Reads one file line by line. Lines end in LF, CR LF or CR; a byte order mark at the start is no text.

    Memory is bounded by `maximum_characters`, however long a line is.
    """

    def __init__(self, file: SourceFile, *, encoding: str, maximum_characters: int) -> None:
        self.file = file
        self.position = 0
        """How many bytes have been read."""
        self._encoding = encoding
        self._maximum = maximum_characters

    def __iter__(self) -> Iterator[Line | Problem]:
        """Every line; and at last a `Problem` where the file could not be read to its end."""
        number = 0
        try:
            with self.file.open() as source:
                for number, line in enumerate(self._whole_lines(source), start=1):
                    if line.text is not None and "\0" in line.text:
                        yield self._not_text(number)
                        return
                    yield Line(number, line.text, line.bytes)
        except OSError as error:
            yield Problem(self.file.shown, describe(error), self.file.size - self.position)
        except _UndecodableError as error:
            yield self._wrong_encoding(number + 1, error.offset)

    def blocks(self) -> Iterator[str | Problem]:
        """The whole text in blocks of bounded size, for formats that are not made of lines.

        Line ends are line feeds, as in lines; at last a `Problem` where the file could not be read to its end.
        """
        line = 1
        try:
            with self.file.open() as source:
                for text in self._decoded_blocks(source):
                    if "\0" in text:
                        yield self._not_text(line + text[: text.index("\0")].count("\n"))
                        return
                    yield text
                    line += text.count("\n")
        except OSError as error:
            yield Problem(self.file.shown, describe(error), self.file.size - self.position)
        except _UndecodableError as error:
            yield self._wrong_encoding(line, error.offset)

    def _whole_lines(self, source: BinaryIO) -> Iterator[Line]:
        """Joins decoded blocks into lines, not yet numbered."""
        kept: list[str] = []
        length = passed_over = 0
        for text in self._decoded_blocks(source):
            for index, part in enumerate(text.split("\n")):
                if index:
                    yield _line(kept, passed_over)
                    kept, length, passed_over = [], 0, 0
                length += len(part)
                kept.append(part)
                if length > self._maximum:
                    passed_over += sum(len(held.encode(self._encoding)) for held in kept)
                    kept.clear()
        if length:
            yield _line(kept, passed_over)

    def _decoded_blocks(self, source: BinaryIO) -> Iterator[str]:
        """The text in blocks, with every line end as LF, up to the first byte that is not in the encoding."""
        decoder = codecs.getincrementaldecoder(self._encoding)()
        newlines = io.IncrementalNewlineDecoder(None, translate=True)
        block = b"-"
        while block:
            at_start = self.position == 0
            block = source.read(_BLOCK)
            self.position += len(block)
            bad: int | None = None
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                from_bad = len(error.object) - error.start
                bad = self.position - from_bad
                text = decoder.decode(block[: max(0, len(block) - from_bad)])
            yield newlines.decode(text.removeprefix(_BYTE_ORDER_MARK) if at_start else text, final=not block)
            if bad is not None:
                raise _UndecodableError(bad)

    def _wrong_encoding(self, line: int, offset: int) -> Problem:
        encoding = self._encoding
        reason = f"byte {offset:,} (line {line:,}) is not {encoding}"
        suggestion = suggest_encoding(self._sample(offset), offset)
        if suggestion is None:
            reason += "; find out its encoding and set `encoding:` in the reader"
        elif codecs.lookup(suggestion) == codecs.lookup(encoding):
            reason += f"; what follows is {encoding} again, so the file is damaged there"
        else:
            reason += f"; from there on it looks like {suggestion}: try `encoding: {suggestion}` in the reader"
        return Problem(self.file.shown, reason, self.file.size - offset)

    def _not_text(self, line: int) -> Problem:
        suggestion = suggest_encoding(self._sample(0))
        hint = f"try `encoding: {suggestion}` in the reader" if suggestion else "is it text at all?"
        return Problem(self.file.shown, f"line {line:,} holds a NUL character; {hint}", self.file.size)

    def _sample(self, offset: int) -> bytes:
        with self.file.open() as source:
            source.seek(offset)
            return source.read(_BLOCK)


def _line(parts: list[str], passed_over: int) -> Line:
    return Line(0, None, passed_over) if passed_over else Line(0, "".join(parts))
