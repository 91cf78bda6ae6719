"""Cutting a large file into spans of whole lines, so that several processes can read it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO

from zaoju.corpus.encodings import Encoding
from zaoju.corpus.file_encoding import detect_file_encoding, is_plain
from zaoju.corpus.source_files import SourceFile
from zaoju.corpus.text_lines import AUTOMATIC
from zaoju.corpus.tolerant_decoding import Span

SPAN = 1 << 24
"""Bytes. Spans follow from the file alone, never from how many processes will read them."""

_BLOCK = 1 << 20
_ASCII_ALIKE = frozenset(
    codecs.lookup(name).name
    for name in ("utf-8", "ascii", "gb18030", "gbk", "gb2312", "big5", "cp950", "big5hkscs", "latin-1", "cp1252")
)
_LINE_END = re.compile(rb"\n")
_BLANK_LINE = re.compile(rb"\n[ \t\r]*\n")
_LONGEST_BLANK = 1 << 10


def plan_spans(file: SourceFile, encoding: str, *, at_blank_lines: bool = False, size: int = SPAN) -> list[Span]:
    """Spans of about `size` bytes that begin at the beginning of a line; with `at_blank_lines`, after a blank line.

    A file is one span where it is small, packed or cannot be read, or where the byte of a line feed is not always one,
    as in UTF-16 and HZ. Finding the line numbers reads the file once.
    """
    whole = [Span()]
    try:
        if file.size <= size or not _every_line_feed_ends_a_line(file, encoding):
            return whole
        with file.open() as source:
            if not is_plain(source):
                return whole
            return list(_spans(source, file.size, size, _BLANK_LINE if at_blank_lines else _LINE_END))
    except OSError:
        return whole  # whoever reads it will meet the error again, and tell of it


def _every_line_feed_ends_a_line(file: SourceFile, encoding: str) -> bool:
    if encoding != AUTOMATIC:
        return codecs.lookup(encoding).name in _ASCII_ALIKE
    found = detect_file_encoding(file)
    return isinstance(found, Encoding) and codecs.lookup(found.name).name in _ASCII_ALIKE


def _spans(source: BinaryIO, total: int, size: int, boundary: re.Pattern[bytes]) -> Iterator[Span]:
    start, line = 0, 1
    while total - start > size:
        end = _end_after(source, start + size, boundary)
        if end is None or end >= total:
            break
        yield Span(start, end, line)
        line += _count_lines(source, start, end)
        start = end
    yield Span(start, None, line)


def _end_after(source: BinaryIO, place: int, boundary: re.Pattern[bytes]) -> int | None:
    """Where the first boundary ends at or after `place`; None where none comes."""
    offset = place - 1
    source.seek(offset)
    held = b""
    while block := source.read(_BLOCK):
        held += block
        found = boundary.search(held)
        if found:
            return offset + found.end()
        # A blank line may have begun; one of more white space than that is none for this purpose.
        kept = held[-_LONGEST_BLANK:]
        offset += len(held) - len(kept)
        held = kept
    return None


def _count_lines(source: BinaryIO, start: int, end: int) -> int:
    """How many lines end from byte `start` to byte `end`, in LF, CR LF or CR."""
    source.seek(start)
    count = 0
    after_return = False
    while start < end and (block := source.read(min(_BLOCK, end - start))):
        start += len(block)
        count += block.count(b"\n") - (after_return and block.startswith(b"\n"))
        if b"\r" in block:
            count += block.count(b"\r") - block.count(b"\r\n")
        after_return = block.endswith(b"\r")
    return count
