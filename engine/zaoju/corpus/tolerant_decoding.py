"""Decoding a file whose encoding was detected: damage is replaced and counted, lines in other encodings are read so."""

from __future__ import annotations

import codecs
import io
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

import numpy as np

from zaoju.contracts import Problem
from zaoju.corpus.encodings import Encoding
from zaoju.corpus.line_chunks import WINDOW, Chunk, LineChunks, seek_first_line
from zaoju.corpus.line_encodings import Run, decode_replacing, encodings_of_lines, has_implausible_line
from zaoju.corpus.reading_likelihood import count_common

BYTE_ORDER_MARK = "\ufeff"
_RUNS_NAMED = 5
_TOO_MUCH = 0.1
_ENOUGH = 100
_DOUBTFUL = 0.25
_UNITS = {"utf-16-le": "<u2", "utf-16-be": ">u2", "utf-32-le": "<u4", "utf-32-be": ">u4"}


class Block(NamedTuple):
    """Some decoded text. A block in which something was replaced is one line, or a piece of one."""

    text: str
    replaced: int = 0
    """How many bytes were not in the encoding and became U+FFFD."""


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a file: whole lines, or the whole file."""

    start: int = 0
    end: int | None = None
    """The byte after the last; None for the file's end."""

    line: int = 1
    """The number of the first line."""


@dataclass(slots=True)
class _Findings:
    """What will be told of a file once it is read."""

    places: int = 0
    replaced: int = 0
    first_damage: int = 0
    runs: list[tuple[int, int, str]] = field(default_factory=list)
    more_runs: int = 0
    doubtful: int = 0


class TolerantDecoding:
    """Decodes one file, or a span of it, and remembers what was not in order."""

    def __init__(self, encoding: Encoding, span: Span) -> None:
        self.read = 0
        """How many bytes have been decoded."""
        self.line = span.line
        """The line that the present block begins in."""
        self._encoding = encoding.name
        self._guessed = encoding.guessed
        self._span = span
        self._found = _Findings()

    def blocks(self, source: BinaryIO) -> Iterator[Block]:
        """The text of the span in the file `source`, with every line end as a line feed.

        Which line is in which encoding is decided for a window as a whole, so all spans together have the file's text.
        """
        newlines = io.IncrementalNewlineDecoder(None, translate=True)
        at_start = self._span.start == 0
        for text, replaced in self._wide(source) if self._encoding in _UNITS else self._lines(source):
            translated = newlines.decode(text.removeprefix(BYTE_ORDER_MARK) if at_start else text)
            at_start = at_start and not text
            if replaced:
                self._found.first_damage = self._found.first_damage or self.line
                self._found.replaced += replaced
            yield Block(translated, replaced)
            self.line += translated.count("\n")
        yield Block(newlines.decode("", final=True))

    def problems(self, shown: str, size: int) -> list[Problem]:
        """What there is to tell of the file that is `shown` so, or of the span of `size` bytes that was read."""
        found = self._found
        problems = []
        if found.runs:
            runs = [f"line {first:,} to {last:,} in {name}" for first, last, name in found.runs]
            more = f", and {found.more_runs:,} more" if found.more_runs else ""
            problems.append(
                f"it is in several encodings and was read so: {', '.join(runs)}{more}; all else in {self._encoding}"
            )
        if found.doubtful:
            problems.append(
                f"from line {found.doubtful:,} on it hardly reads like Chinese in {self._encoding}: look at the text,"
                " and set `encoding:` in the reader if it is another"
            )
        listed = [Problem(shown, reason, stops=False) for reason in problems]
        return [*listed, self._damage(shown, size)] if found.replaced else listed

    def _damage(self, shown: str, size: int) -> Problem:
        found = self._found
        reason = (
            f"{found.replaced:,} bytes in {found.places:,} places, the first in line {found.first_damage:,}, are not"
            f" {self._encoding} and became U+FFFD: the file is damaged there"
        )
        too_much = found.replaced > _TOO_MUCH * size
        if too_much:
            reason += ", too much to be used; find out its encoding and set `encoding:` in the reader, or leave it out"
        return Problem(f"{shown} line {found.first_damage:,}", reason, stops=too_much)

    def _lines(self, source: BinaryIO) -> Iterator[Block]:
        start = self._span.start
        chunks = LineChunks(source, seek_first_line(source, start) if start else 0)
        end = self._span.end
        for chunk in chunks:
            if end is not None and chunk.offset >= end:
                return
            yield from self._chunk(chunk, chunks)

    def _chunk(self, chunk: Chunk, chunks: LineChunks) -> Iterator[Block]:
        first = max(0, self._span.start - chunk.offset)
        last = len(chunk.data) if self._span.end is None else min(len(chunk.data), self._span.end - chunk.offset)
        text, pending = self._strict(chunk)
        if text is not None:
            if first or last < len(chunk.data):
                text = chunk.data[first : min(last, len(chunk.data) - len(pending))].decode(self._encoding)
            yield Block(text)
        else:
            for run in encodings_of_lines(chunk.data, self._encoding):
                pending = yield from self._run(run, chunk, first, last)
        if pending:
            chunks.give_back(pending)
        self.read += max(0, last - first - len(pending))

    def _strict(self, chunk: Chunk) -> tuple[str | None, bytes]:
        """The text of a chunk that is in order, and the bytes of a character that it breaks off.

        Where the encoding is a guess other than UTF-8, that nothing is wrong with the bytes proves nothing.
        """
        decoder = codecs.getincrementaldecoder(self._encoding)()
        try:
            text = decoder.decode(chunk.data, chunk.whole)
        except UnicodeDecodeError:
            return None, b""
        if self._encoding != "utf-8" and has_implausible_line(text, self._encoding):
            return None, b""
        return text, b"" if chunk.whole else decoder.getstate()[0]

    def _run(self, run: Run, chunk: Chunk, first: int, last: int) -> Generator[Block, None, bytes]:
        """The text of a run's lines, as far as they are in the span; at last the bytes of a broken character."""
        data = chunk.data[max(run.start, first) : min(run.end, last)]
        line = self.line
        pending = yield from self._decoded(data, run.encoding, final=chunk.whole or run.end < len(chunk.data))
        if data and run.encoding != self._encoding:
            self._remember(line, max(line, self.line - data.endswith(b"\n")), run.encoding)
        return pending

    def _decoded(self, data: bytes, encoding: str, *, final: bool) -> Generator[Block, None, bytes]:
        """One block where all is in order, else one for each line; at last the bytes of a broken character."""
        decoded = decode_replacing(data, encoding, final=final)
        if self._guessed and not self._found.doubtful:
            foreign, common = count_common(decoded.text, encoding)
            if foreign >= _ENOUGH and common < _DOUBTFUL * foreign:
                self._found.doubtful = self.line
        if not decoded.places:
            yield Block(decoded.text)
            return decoded.pending
        for line in _split_lines(data[: len(data) - len(decoded.pending)], encoding):
            one = decode_replacing(line, encoding, final=True)
            self._found.places += one.places
            yield Block(one.text, one.lost)
        return decoded.pending

    def _wide(self, source: BinaryIO) -> Iterator[Block]:
        """Encodings of two or four bytes a unit, in which no byte by itself is a line's end."""
        pending = b""
        block = b"-"
        while block:
            block = source.read(WINDOW)
            pending = yield from self._decoded(pending + block, self._encoding, final=not block)
            self.read += len(block)

    def _remember(self, first: int, last: int, encoding: str) -> None:
        runs = self._found.runs
        if runs and not self._found.more_runs and runs[-1][2] == encoding and runs[-1][1] + 1 >= first:
            runs[-1] = (runs[-1][0], last, encoding)
        elif len(runs) < _RUNS_NAMED:
            runs.append((first, last, encoding))
        else:
            self._found.more_runs += 1


def _split_lines(data: bytes, encoding: str) -> Iterator[bytes]:
    """Each line with its line feed."""
    unit = np.dtype(_UNITS.get(encoding, "u1"))
    units = np.frombuffer(data[: len(data) // unit.itemsize * unit.itemsize], unit)
    start = 0
    for end in [*((np.flatnonzero(units == ord("\n")) + 1) * unit.itemsize).tolist(), len(data)]:
        if end > start:
            yield data[start:end]
        start = end
