"""The lines of a text file, in bounded memory: in the encoding that is named, or in the one that is found out."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from typing import NamedTuple

from zaoju.contracts import Problem
from zaoju.corpus.encodings import NoEncoding, suggest_encoding
from zaoju.corpus.file_encoding import detect_file_encoding
from zaoju.corpus.source_files import SourceFile, describe
from zaoju.corpus.strict_decoding import StrictDecoding, UndecodableError
from zaoju.corpus.tolerant_decoding import Block, Span, TolerantDecoding

AUTOMATIC = "auto"
"""Stands for an encoding: find out which it is."""

_SAMPLE = 1 << 16


class Line(NamedTuple):
    """One line, without its end."""

    number: int
    """Counted from 1."""

    text: str | None
    """None where the line is longer than allowed; its text was passed over without being kept."""

    bytes: int = 0
    """How many bytes a line without text has."""

    replaced: int = 0
    """How many of its bytes were not in the encoding and stand in the text as U+FFFD."""


class _UnreadableError(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


class TextLines:
    """Reads one file, or a span of it, line by line. Lines end in LF, CR LF or CR; a byte order mark is no text.

    With the encoding `auto` it is found out which it is. Then bytes that are not in it are replaced, and lines in
    another encoding are read in that; what was guessed, replaced or read otherwise is told in problems that do not stop
    a run. Any other encoding is strict: the first byte that is not in it ends the reading.

    Memory is bounded by `maximum_characters`, however long a line is.
    """

    def __init__(self, file: SourceFile, *, encoding: str, maximum_characters: int, span: Span | None = None) -> None:
        self.file = file
        self.encoding = "utf-8" if encoding == AUTOMATIC else encoding
        """The encoding of the file, or of most of its lines; for `auto` known once the reading has begun."""
        self._automatic = encoding == AUTOMATIC
        self._maximum = maximum_characters
        self._span = span or Span()
        self._decoding: StrictDecoding | TolerantDecoding = StrictDecoding(self.encoding, self._span)

    def __iter__(self) -> Iterator[Line | Problem]:
        """Every line, and problems; at last one that stops where the file could not be read to its end."""
        try:
            yield from self._begin()
            yield from self._whole_lines(self._decoded())
            yield from self._end()
        except _UnreadableError as error:
            yield error.problem

    def blocks(self) -> Iterator[str | Problem]:
        """The whole text in blocks of bounded size, for formats that are not made of lines.

        Line ends are line feeds, and problems come as they do among lines.
        """
        try:
            yield from self._begin()
            for block in self._decoded():
                yield block.text
            yield from self._end()
        except _UnreadableError as error:
            yield error.problem

    def size_of(self, text: str) -> int:
        """How many bytes of the file `text` stands for."""
        return len(text.encode(self.encoding, errors="replace"))

    def _begin(self) -> Iterator[Problem]:
        """Find out the encoding, and tell what was guessed."""
        if not self._automatic:
            self._decoding = StrictDecoding(self.encoding, self._span)
            return
        try:
            found = detect_file_encoding(self.file)
        except OSError as error:
            raise _UnreadableError(Problem(self.file.shown, describe(error), self._size())) from None
        if isinstance(found, NoEncoding):
            raise _UnreadableError(Problem(self.file.shown, found.reason, self._size()))
        self.encoding = found.name
        self._decoding = TolerantDecoding(found, self._span)
        if found.guessed and found.name != "utf-8" and self._span.start == 0:
            reason = f"read as {found.name}, which is a guess: {found.reason}; `encoding: {found.name}` makes it sure"
            yield Problem(self.file.shown, reason, stops=False)

    def _decoded(self) -> Iterator[Block]:
        """The text in blocks, up to what cannot be read; then raises `_UnreadableError`."""
        decoding = self._decoding
        try:
            with self.file.open() as source:
                for block in decoding.blocks(source):
                    if "\0" in block.text:
                        before, _, _ = block.text.partition("\0")
                        yield Block(before[: before.rfind("\n") + 1])
                        raise _UnreadableError(self._not_text(decoding.line + before.count("\n")))
                    yield block
        except OSError as error:
            problem = Problem(self.file.shown, describe(error), self._size() - decoding.read)
            raise _UnreadableError(problem) from None
        except UndecodableError as error:
            raise _UnreadableError(self._wrong_encoding(decoding.line, error.offset)) from None

    def _end(self) -> Iterator[Problem]:
        if isinstance(self._decoding, TolerantDecoding):
            yield from self._decoding.problems(self.file.shown, self._decoding.read)

    def _whole_lines(self, blocks: Iterator[Block]) -> Iterator[Line]:
        """Joins decoded blocks into lines."""
        number = self._span.line
        line = _LineParts(self._maximum, self.size_of)
        for text, replaced in blocks:
            first, *others = text.split("\n")
            line.add(first, replaced)
            if not others:
                continue
            yield line.finish(number)
            number += 1
            last = others.pop()
            for part in others:
                yield Line(number, part) if len(part) <= self._maximum else Line(number, None, self.size_of(part))
                number += 1
            line.add(last)
        if line.length:
            yield line.finish(number)

    def _wrong_encoding(self, line: int, offset: int) -> Problem:
        encoding = self.encoding
        reason = f"byte {offset:,} (line {line:,}) is not {encoding}"
        suggestion = suggest_encoding(self._sample(offset), offset)
        if suggestion is None:
            reason += "; find out its encoding and set `encoding:` in the reader"
        elif codecs.lookup(suggestion) == codecs.lookup(encoding):
            reason += f"; what follows is {encoding} again, so the file is damaged there"
        else:
            reason += f"; from there on it looks like {suggestion}: try `encoding: {suggestion}` in the reader"
        reason += ", or `encoding: auto`"
        return Problem(self.file.shown, reason, self._end_of_span() - offset)

    def _not_text(self, line: int) -> Problem:
        suggestion = suggest_encoding(self._sample(0))
        hint = f"try `encoding: {suggestion}` in the reader" if suggestion else "is it text at all?"
        return Problem(self.file.shown, f"line {line:,} holds a NUL character; {hint}", self._size())

    def _sample(self, offset: int) -> bytes:
        with self.file.open() as source:
            source.seek(offset)
            return source.read(_SAMPLE)

    def _end_of_span(self) -> int:
        return self.file.size if self._span.end is None else self._span.end

    def _size(self) -> int:
        return self._end_of_span() - self._span.start


class _LineParts:
    """A line while it comes in parts; once it is too long, only its size."""

    def __init__(self, maximum: int, size_of: Callable[[str], int]) -> None:
        self.length = 0
        self._maximum = maximum
        self._size_of = size_of
        self._parts: list[str] = []
        self._passed_over = self._replaced = 0

    def add(self, part: str, replaced: int = 0) -> None:
        """Append to the line."""
        self.length += len(part)
        self._replaced += replaced
        self._parts.append(part)
        if self.length > self._maximum:
            self._passed_over += sum(map(self._size_of, self._parts))
            self._parts.clear()

    def finish(self, number: int) -> Line:
        """The line; and begin the next."""
        if self._passed_over:
            line = Line(number, None, self._passed_over)
        else:
            line = Line(number, "".join(self._parts), 0, self._replaced)
        self._parts.clear()
        self.length = self._passed_over = self._replaced = 0
        return line
