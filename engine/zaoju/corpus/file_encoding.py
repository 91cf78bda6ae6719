"""Which encoding a file on disk is in, from samples of bounded size."""

from __future__ import annotations

import io
from typing import BinaryIO

from zaoju.corpus.compression import UnpackingError
from zaoju.corpus.encodings import Encoding, NoEncoding, detect_encoding
from zaoju.corpus.source_files import SourceFile

_HEAD = 1 << 17
_SAMPLE = 1 << 13
_SAMPLES = 8


def detect_file_encoding(file: SourceFile) -> Encoding | NoEncoding:
    """The encoding of `file`, from its first 128 KiB and 8 more samples of 8 KiB that are spread over the rest.

    Of a stream that would have to be unpacked to get there, only the beginning is looked at. Raises `OSError`.
    """
    with file.open() as source:
        samples = [_read(source, _HEAD)]
        if is_plain(source):
            rest = file.size - _HEAD
            for index in range(_SAMPLES if rest > _SAMPLE * _SAMPLES else min(1, max(0, rest))):
                source.seek(_HEAD + rest * index // _SAMPLES // 4 * 4)
                samples.append(_read(source, _SAMPLE))
    return detect_encoding(samples)


def is_plain(source: BinaryIO) -> bool:
    """Whether `source` is a file as it lies on disk. What unpacks can seek too, but only by unpacking all before."""
    return isinstance(source, io.BufferedReader) and isinstance(source.raw, io.FileIO)


def _read(source: BinaryIO, size: int) -> bytes:
    """As many bytes as there are, up to `size`; a stream may give fewer at once."""
    pieces: list[bytes] = []
    try:
        while size and (piece := source.read(min(size, _SAMPLE))):
            pieces.append(piece)
            size -= len(piece)
    except UnpackingError:
        if not pieces:
            raise
        # What could be unpacked is enough here; whoever reads on will meet the error again, and tell of it.
    return b"".join(pieces)
