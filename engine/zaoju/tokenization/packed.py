"""A corpus as token ids on disk, ready to be read at any place while training.

A folder of packed tokens holds `tokens.bin`, the ids of all documents one after another, each document followed by the
end-of-text token; `document_ends.bin`, the position after each document's end-of-text token; and `packed.json`, which
says how many there are, of which vocabulary, and the hashes of both. All numbers are little-endian. Where there are
conversations, `counts.bin` has a byte for each token: 1 where a model is to learn it, 0 where it only reads it.

Opening takes a look that does not grow with the corpus: the header, the sizes, and a hash over blocks spread through
each file, which finds a file that is cut short, exchanged or damaged in a large part. One changed byte elsewhere is
found by `PackedTokens.verify`, which reads everything; the pipeline does that once, before it trains.
"""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

import numpy as np
import numpy.typing as npt

from zaoju.contracts import EventSink, Progress
from zaoju.errors import ArtefactError, Cancelled
from zaoju.files import hash_file, write_text_whole
from zaoju.tokenization.encoded_documents import encode_documents

if TYPE_CHECKING:
    from zaoju.tokenization.tokenizer import Tokenizer

NumberT = TypeVar("NumberT", bound=np.generic)

_FORMAT = 2
_TOKENS, _ENDS, _COUNTS, _HEADER = "tokens.bin", "document_ends.bin", "counts.bin", "packed.json"
_SMALL, _LARGE = "<u2", "<u4"
_LARGEST_SMALL_VOCABULARY = 65535
_BLOCK, _BLOCKS = 1 << 16, 64
_REPORT_EVERY = 512


@dataclass(frozen=True, slots=True, eq=False)
class PackedTokens:
    """Token ids of a whole corpus, mapped into memory: opening is quick and reading takes no more than it touches."""

    tokens: npt.NDArray[np.uint16] | npt.NDArray[np.uint32]
    """All ids, read-only. Shape [tokens]."""

    document_ends: npt.NDArray[np.uint64]
    """The position after each document's end-of-text token; the last one is the number of tokens. Shape [documents]."""

    vocabulary_fingerprint: str
    """`Tokenizer.fingerprint` of the tokenizer that made the ids."""

    vocabulary_size: int
    """How many ids that tokenizer has; every id is below."""

    counts: npt.NDArray[np.bool_] | None = None
    """Which tokens a model is to learn: the answers of conversations, and all of a plain text. Shape [tokens]; None
    where all are."""

    @classmethod
    def open(cls, folder: Path) -> PackedTokens:
        """The packed tokens in `folder`, after a look at the header, the sizes and some blocks of both files.

        Raises `ArtefactError` where a file is missing, cut short, another one, or not made by `pack_documents`.
        """
        header = _read_header(folder)
        for name in _files(header):
            _check_file(folder / name, header)
        small = header["dtype"] == _SMALL
        tokens = _map(folder / _TOKENS, np.uint16) if small else _map(folder / _TOKENS, np.uint32)
        ends = _map(folder / _ENDS, np.uint64)
        counts = _map(folder / _COUNTS, np.uint8).view(np.bool_) if _COUNTS in _files(header) else None
        fingerprint, size = str(header["vocabulary_fingerprint"]), int(str(header["vocabulary_size"]))
        return cls(tokens, ends, fingerprint, size, counts)

    @classmethod
    def verify(cls, folder: Path, tokenizer: Tokenizer) -> None:
        """Read every byte in `folder` once. Training on tokens of another vocabulary would be hours of nonsense.

        Raises `ArtefactError` where a byte has changed, and where the tokens are not of `tokenizer`.
        """
        header = _read_header(folder)
        if header.get("vocabulary_fingerprint") != tokenizer.fingerprint:
            raise ArtefactError(
                f"{folder} holds tokens of a vocabulary of {header.get('vocabulary_size')}, not of this tokenizer with "
                f"its {tokenizer.vocabulary_size}: make the packed tokens again"
            )
        for name in _files(header):
            _check_file(folder / name, header)
            if hash_file(folder / name) != _said(header, "sha256", folder / name):
                raise _changed(folder / name)


def pack_documents(
    documents: Path,
    tokenizer: Tokenizer,
    folder: Path,
    *,
    workers: int,
    emit: EventSink,
    cancel: threading.Event,
) -> PackedTokens:
    """Encode every document of a prepared JSON Lines file into `folder`, which must be empty.

    The header is written last, so a folder that was left half-way cannot be opened; the caller makes the folder itself
    appear whole. `workers` processes run the segmenter of a live tokenizer (0: one for each core); a portable one uses
    threads. Raises `Cancelled` when `cancel` is set.
    """
    dtype = _SMALL if tokenizer.vocabulary_size <= _LARGEST_SMALL_VOCABULARY else _LARGE
    total = count_lines(documents)
    ends: list[int] = []
    position = 0
    with (folder / _TOKENS).open("wb") as file, ExitStack() as opened:
        counts: BinaryIO | None = None
        for ids, counted in encode_documents(documents, tokenizer, workers):
            if cancel.is_set():
                raise Cancelled("packing was stopped")
            if counted is not None and counts is None:
                counts = opened.enter_context((folder / _COUNTS).open("wb"))
                _append_ones(counts, position)
            if counts is not None:
                counts.write(bytes([1]) * len(ids) if counted is None else bytes(counted))
            position += _append(file, ids, dtype)
            ends.append(position)
            if len(ends) % _REPORT_EVERY == 0 or len(ends) == total:
                emit(Progress("encoding", len(ends), total, "documents"))
    _finish(folder, dtype, ends, tokenizer.fingerprint, tokenizer.vocabulary_size)
    return PackedTokens.open(folder)


def pack_random_tokens(folder: Path, tokens: int, vocabulary_size: int) -> None:
    """Write `tokens` random ids as one document into `folder`, which must be empty: data to time a training with."""
    dtype = _SMALL if vocabulary_size <= _LARGEST_SMALL_VOCABULARY else _LARGE
    np.random.default_rng(1).integers(0, vocabulary_size, tokens).astype(dtype).tofile(folder / _TOKENS)
    _finish(folder, dtype, [tokens], "of no tokenizer", vocabulary_size)


def _finish(folder: Path, dtype: str, ends: list[int], fingerprint: str, vocabulary_size: int) -> None:
    """What stands beside the tokens; the header comes last."""
    np.asarray(ends, dtype="<u8").tofile(folder / _ENDS)
    written = [name for name in (_TOKENS, _ENDS, _COUNTS) if (folder / name).exists()]
    header = {
        "format": _FORMAT,
        "dtype": dtype,
        "tokens": ends[-1] if ends else 0,
        "documents": len(ends),
        "vocabulary_fingerprint": fingerprint,
        "vocabulary_size": vocabulary_size,
        "bytes": {name: (folder / name).stat().st_size for name in written},
        "sha256": {name: hash_file(folder / name) for name in written},
        "sha256_of_blocks": {name: _hash_blocks(folder / name) for name in written},
    }
    write_text_whole(folder / _HEADER, json.dumps(header, indent=2) + "\n")


def count_lines(path: Path) -> int:
    """How many lines a JSON Lines file has, for progress."""
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def _append(file: BinaryIO, ids: list[int], dtype: str) -> int:
    file.write(np.asarray(ids, dtype=dtype).tobytes())
    return len(ids)


def _append_ones(file: BinaryIO, count: int) -> None:
    """Plain texts that came before the first conversation count as a whole."""
    for start in range(0, count, _BLOCK):
        file.write(bytes([1]) * min(_BLOCK, count - start))


def _read_header(folder: Path) -> dict[str, object]:
    path = folder / _HEADER
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArtefactError(f"{folder} holds no packed tokens: {error}; make them again") from error
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise ArtefactError(f"{path} is not of format {_FORMAT}, the one this zaoju reads: make the tokens again")
    return header


def _files(header: dict[str, object]) -> tuple[str, ...]:
    """The files that there must be."""
    sizes = header.get("bytes")
    with_counts = isinstance(sizes, dict) and _COUNTS in sizes
    return (_TOKENS, _ENDS, _COUNTS) if with_counts else (_TOKENS, _ENDS)


def _check_file(path: Path, header: dict[str, object]) -> None:
    """Refuse a file that is missing, of another size, or different in the blocks that are looked at."""
    size, blocks = _said(header, "bytes", path), _said(header, "sha256_of_blocks", path)
    if not path.is_file():
        raise ArtefactError(f"{path} is missing: make the packed tokens again")
    found = path.stat().st_size
    if found != size:
        raise ArtefactError(f"{path} has {found:,} bytes, not {size}: make the packed tokens again")
    if _hash_blocks(path) != blocks:
        raise _changed(path)


def _said(header: dict[str, object], key: str, path: Path) -> object:
    """What the header says of a file."""
    values = header.get(key)
    if not isinstance(values, dict):
        raise ArtefactError(f"{path.parent / _HEADER} is damaged: make the packed tokens again")
    return values.get(path.name)


def _changed(path: Path) -> ArtefactError:
    return ArtefactError(f"{path} has changed since it was written: make the packed tokens again")


def _hash_blocks(path: Path) -> str:
    """A SHA-256 over blocks spread evenly from the first byte to the last; over all of a file that is not larger."""
    last = max(0, path.stat().st_size - _BLOCK)
    starts = sorted({last * number // (_BLOCKS - 1) for number in range(_BLOCKS)})
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for start in starts:
            file.seek(start)
            digest.update(file.read(_BLOCK))
    return digest.hexdigest()


def _map(path: Path, dtype: type[NumberT]) -> npt.NDArray[NumberT]:
    """The file as an array; a file of no bytes cannot be mapped."""
    if path.stat().st_size == 0:
        return np.empty(0, dtype=dtype)
    return np.memmap(path, dtype=np.dtype(dtype).newbyteorder("<"), mode="r")
