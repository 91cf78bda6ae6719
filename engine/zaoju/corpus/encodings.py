"""Which encoding a file is in: a decision with its reason, or a refusal with its reason."""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from zaoju.corpus.binary_kinds import binary_kind, share_of_controls
from zaoju.corpus.line_encodings import LINE_ENCODINGS, encodings_of_lines
from zaoju.corpus.reading_likelihood import UNREADABLE, Reading, read_as, reading_of
from zaoju.corpus.resynchronising import decode_resynchronising

_BYTE_ORDER_MARKS = (
    # The mark of UTF-32 begins with the mark of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
_PLAUSIBLE = 0.45
_VALID = 0.999
_MOSTLY_VALID = 0.3
_THREE_BYTES = re.compile("[\u0800-\U0010ffff]")
_MUCH_LIKELIER = math.log(100)
_MANY_CONTROLS = 0.02
_HIGH = bytes(range(0x80, 0x100))
_SHORT = 4096
_PLACES = 16


@dataclass(frozen=True, slots=True)
class Encoding:
    """The encoding that a file is in."""

    name: str
    """As Python knows it. A byte order mark is not part of the text."""

    reason: str
    """Why it was chosen, for a person."""

    guessed: bool
    """False where the file says it itself: by a byte order mark, or by being UTF-8 without a fault."""


@dataclass(frozen=True, slots=True)
class NoEncoding:
    """No encoding was found."""

    reason: str
    """What the file is, or why no encoding fits, and what the user can do."""


def detect_encoding(samples: Sequence[bytes]) -> Encoding | NoEncoding:
    """The encoding of a file, from `samples` of it.

    The first sample is the beginning of the file; each other begins at a multiple of four bytes. In this order: a byte
    order mark; UTF-8, where at least 99.9 % of the sequences are valid; then the encoding in which the samples read
    most like Chinese, if they do at all.
    """
    head = samples[0] if samples else b""
    kind = binary_kind(head)
    if kind is not None:
        return NoEncoding(f"not text but {kind}")
    for mark, name in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return Encoding(name, "it begins with its byte order mark", guessed=False)
    hz = _hz(samples)
    if not hz and b"\0" not in head and _is_clean_utf8(samples):
        return Encoding("utf-8", "it is valid UTF-8", guessed=False)
    utf8 = _read(samples, "utf-8")
    valid = _share_of_valid(utf8, samples)
    best = max([utf8, *hz, *(_read(samples, name) for name in _candidates(samples))], key=_likelihood)
    if best.unreadable and len(head) <= _SHORT:
        best = max([best, *(_read_past_damage(head, name) for name in LINE_ENCODINGS)], key=_likelihood)
    fits = best.share_of_common >= _PLAUSIBLE
    if valid == 1 and b"\0" not in head and not (fits and best.log_probability > utf8.log_probability + _MUCH_LIKELIER):
        return Encoding("utf-8", "it is valid UTF-8", guessed=False)
    if valid < 1 and (valid >= _VALID or (best.encoding == "utf-8" and valid >= _MOSTLY_VALID)):
        return Encoding("utf-8", f"{_percent(valid)} of its characters beyond ASCII are valid UTF-8", guessed=True)
    if fits or (best.encoding != "utf-8" and not best.foreign):
        return Encoding(best.encoding, _why(best, samples), guessed=True)
    return _mixed(head) or _refusal(best, samples)


def suggest_encoding(sample: bytes, offset: int = 0) -> str | None:
    """The encoding in which `sample` reads most like Chinese; None where nothing fits.

    `offset` is where the sample stands in its file.
    """
    found = detect_encoding([sample]) if offset == 0 else _best_of_the_rest(sample[-offset % 4 :], sample)
    return found.name if isinstance(found, Encoding) else None


def _best_of_the_rest(aligned: bytes, sample: bytes) -> Encoding | None:
    """Where a sample does not begin its file it may begin inside a character, and only wide ones can be aligned."""
    wide = [read_as([aligned], name) for name in ("utf-16-le", "utf-16-be")]
    best = max([*(read_as([sample], name) for name in LINE_ENCODINGS), *wide], key=_likelihood)
    return Encoding(best.encoding, "", guessed=True) if best.share_of_common >= _PLAUSIBLE else None


def _likelihood(reading: Reading) -> float:
    return reading.log_probability


def _candidates(samples: Sequence[bytes]) -> list[str]:
    """In the order in which they are taken where two read alike."""
    names = ["gb18030", "cp950", "big5hkscs", "utf-16-le", "utf-16-be"]
    return [*names, "utf-32-le", "utf-32-be"] if b"\0" in samples[0] else names


def _hz(samples: Sequence[bytes]) -> list[Reading]:
    """HZ looks like ASCII; it marks hanzi by `~{` and `~}`."""
    head = samples[0] if samples else b""
    if b"~{" not in head or len(head) - len(head.translate(None, _HIGH)) > max(1, len(head) // 100):
        return []
    return [_read(samples, "hz")]


def _read(samples: Sequence[bytes], encoding: str) -> Reading:
    if encoding.startswith(("utf-16", "utf-32")):
        return read_as(samples, encoding)
    return read_as([_from_line_start(samples, index) for index in range(len(samples))], encoding)


def _is_clean_utf8(samples: Sequence[bytes]) -> bool:
    """Whether all is valid UTF-8 and surely no other encoding: ASCII, or with sequences of three bytes.

    A few hanzi in GB 18030 may be valid sequences of two bytes.
    """
    try:
        texts = [
            codecs.getincrementaldecoder("utf-8")().decode(_from_line_start(samples, at)) for at in range(len(samples))
        ]
    except UnicodeDecodeError:
        return False
    return all(map(str.isascii, texts)) or any(map(_THREE_BYTES.search, texts))


def _from_line_start(samples: Sequence[bytes], index: int) -> bytes:
    """Later samples begin anywhere, perhaps inside a character."""
    return samples[index][samples[index].find(b"\n") + 1 :] if index else samples[0]


def _read_past_damage(sample: bytes, encoding: str) -> Reading:
    """One bad byte may shift all that follows in its line; in a long sample, the other lines outweigh that."""
    return reading_of(decode_resynchronising(_without_broken_end(sample, encoding), encoding, _PLACES), encoding)


def _without_broken_end(sample: bytes, encoding: str) -> bytes:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    decoder.decode(sample)
    return sample.removesuffix(decoder.getstate()[0])


def _share_of_valid(utf8: Reading, samples: Sequence[bytes]) -> float:
    """The share of sequences beyond ASCII that are valid. U+FFFD may stand in the file itself."""
    invalid = max(0, utf8.unreadable - sum(sample.count(UNREADABLE.encode()) for sample in samples))
    return 1 - invalid / utf8.foreign if utf8.foreign else 1.0


def _why(best: Reading, samples: Sequence[bytes]) -> str:
    common = f"{_percent(best.share_of_common)} of its characters beyond ASCII are then common in Chinese"
    try:
        samples[0].decode("utf-8")
    except UnicodeDecodeError as error:
        line = samples[0].count(b"\n", 0, error.start) + 1
        return f"byte {error.start:,} (line {line:,}) is not UTF-8, and {common}"
    return common if best.foreign else "every second byte or more is zero"


def _mixed(head: bytes) -> Encoding | None:
    """The encoding of the most bytes, where every line reads well in one encoding but not all in the same."""
    foreign = common = 0
    sizes = dict.fromkeys(LINE_ENCODINGS, 0)
    for run in encodings_of_lines(head, "utf-8"):
        reading = read_as([head[run.start : run.end]], run.encoding)
        foreign, common = foreign + reading.foreign, common + reading.common
        sizes[run.encoding] += reading.foreign
    if not foreign or common < _PLAUSIBLE * foreign:
        return None
    return Encoding(max(sizes, key=lambda name: sizes[name]), "its lines are in several encodings", guessed=True)


def _refusal(best: Reading, samples: Sequence[bytes]) -> NoEncoding:
    if share_of_controls(b"".join(samples)) >= _MANY_CONTROLS:
        return NoEncoding("not text: it is full of control characters, as programs, pictures and archives are")
    return NoEncoding(
        "in no encoding that is known here does it read like Chinese, and it is not UTF-8 (the nearest is"
        f" {best.encoding}, with {_percent(best.share_of_common)} common characters); find out its encoding and set"
        " `encoding:` in the reader"
    )


def _percent(share: float) -> str:
    """Rounded down, so that 100 % means all."""
    return f"{math.floor(share * 1000) / 10:g} %"
