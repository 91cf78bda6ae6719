"""What a file is that is no text, by its first bytes."""

from __future__ import annotations

import re

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"BM", "a bitmap picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"RIFF", "sound, video or a picture (RIFF)"),
    (b"ID3", "sound (MP3)"),
    (b"OggS", "sound or video (Ogg)"),
    (b"PK\x03\x04", "a zip archive, or an office document or e-book, which are zip archives too"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x1f\x8b", "compressed with gzip"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ\0", "compressed with xz"),
    (b"\x28\xb5\x2f\xfd", "compressed with Zstandard"),
    (b"\x04\x22\x4d\x18", "compressed with LZ4"),
    (b"%PDF-", "a PDF document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old office document (OLE)"),
    (b"\x7fELF", "a program (ELF)"),
    (b"MZ", "a program (Windows)"),
    (b"\xcf\xfa\xed\xfe", "a program (macOS)"),
    (b"\xca\xfe\xba\xbe", "a program (Java or macOS)"),
    (b"\0asm", "a program (WebAssembly)"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"PAR1", "a Parquet table"),
    (b"ARROW1", "an Arrow table"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x80\x04\x95", "a Python pickle"),
    (b"\0\x01\0\0\0", "a font"),
    (b"OTTO", "a font"),
    (b"wOF", "a font"),
)
_CONTROLS = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]")
_PDF = b"%PDF-"


def binary_kind(head: bytes) -> str | None:
    """What the file is whose first bytes are `head`, such as `a PNG picture`; None where it may be text.

    A name of a kind is not enough (BM and MZ may begin a text): there must also be control characters, which text in
    an encoding of one to four bytes does not have.
    """
    for magic, kind in _MAGIC:
        if head.startswith(magic) and (magic == _PDF or _CONTROLS.search(head)):
            return kind
    return "video or a picture (MP4, HEIF)" if head[4:8] == b"ftyp" and _CONTROLS.search(head) else None


def share_of_controls(sample: bytes) -> float:
    """The share of bytes that are control characters which no text has."""
    return len(_CONTROLS.findall(sample)) / len(sample) if sample else 0.0
