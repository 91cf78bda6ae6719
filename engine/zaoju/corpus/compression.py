"""Compressed files as streams: bounded memory, a bound on what they unpack to, and a reason where they break off."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from zaoju.corpus.packed_names import INSTALL_ZSTANDARD

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BLOCK = 1 << 16
_MEMORY = 1 << 27
"""What xz and zstd may ask for to remember what came before: the most that their own tools do without being told."""

_ZSTD_PIECE = 1 << 10
"""zstandard gives all that its input stands for at once, at most 32 MiB for so much of a compressed file."""


class UnpackingError(OSError):
    """A packed file that is damaged, cut off, or larger than is allowed; its text is the reason."""


class Allowance:
    """How many bytes may still come out of one file on disk, with all that is in it."""

    def __init__(self, size: int, expansion: int) -> None:
        self._left = max(_FREE, size * expansion)
        self._reason = f"unpacks to more than {expansion:,} times its size, as a bomb does"

    def spend(self, count: int) -> None:
        """Take `count` bytes. Raises `UnpackingError` where there are not so many left."""
        self._left -= count
        if self._left < 0:
            raise UnpackingError(f"{self._reason}: unpack it yourself, or raise `maximum_expansion:` in the reader")


_FREE = 1 << 24
"""So much may come out of any file: little files of a few repeated words are no bombs."""


class _Decompressor(Protocol):
    """The interface of `bz2.BZ2Decompressor`, which lzma has too."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Gzip:
    """zlib with that interface; it checks length and checksum itself."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(zlib.MAX_WBITS | 16)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


class _Zstd:
    """zstandard with that interface: fed in little pieces, since it knows no `max_length`."""

    def __init__(self) -> None:
        try:
            import zstandard
        except ImportError:
            raise UnpackingError(f"zstandard is not installed: {INSTALL_ZSTANDARD}") from None
        self._inner: Any = zstandard.ZstdDecompressor(max_window_size=_MEMORY).decompressobj()
        self._waiting = b""

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof)

    @property
    def needs_input(self) -> bool:
        return not self._waiting

    @property
    def unused_data(self) -> bytes:
        return bytes(self._inner.unused_data) + self._waiting

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        waiting = self._waiting + data
        piece, self._waiting = waiting[:_ZSTD_PIECE], waiting[_ZSTD_PIECE:]
        try:
            return bytes(self._inner.decompress(piece))
        except Exception as error:  # ZstdError, which cannot be named before the import
            raise UnpackingError(str(error).removeprefix("zstd decompressor error: ").lower()) from error


_MAKERS: dict[str, tuple[str, Callable[[], _Decompressor]]] = {
    ".gz": ("gzip", _Gzip),
    ".bz2": ("bzip2", bz2.BZ2Decompressor),
    ".xz": ("xz", lambda: lzma.LZMADecompressor(memlimit=_MEMORY)),
    ".zst": ("zstd", _Zstd),
}


def open_compressed(source: BinaryIO, suffix: str, allowance: Allowance) -> BinaryIO:
    """What the compressed `source` holds, where `suffix` is one of `packed_names.COMPRESSIONS`.

    Several streams one after another are read as one, as the tools do. Reading raises `UnpackingError` where the data
    are damaged or break off, after all that could be read before, and where more comes out than is allowed.
    """
    name, make = _MAKERS[suffix]
    return io.BufferedReader(_Unpacked(source, name, make, allowance), _BLOCK)


class _Unpacked(io.RawIOBase):
    """Unpacks while it is read."""

    def __init__(self, source: BinaryIO, name: str, make: Callable[[], _Decompressor], allowance: Allowance) -> None:
        self._source = source
        self._name = name
        self._make = make
        self._allowance = allowance
        self._stream = make()
        self._ready = memoryview(b"")
        self._position = 0
        self._ended = False

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It can be wound forward."""
        return True

    def tell(self) -> int:
        """How many bytes have been given."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Wind forward to `offset`; there is no way back but to open it again."""
        if whence != io.SEEK_SET or offset < self._position:
            raise io.UnsupportedOperation("a compressed file cannot be wound back")
        while self._position < offset and self.read(min(_BLOCK, offset - self._position)):
            pass
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill some of `buffer`; 0 at the end."""
        view = memoryview(buffer).cast("B")
        while not self._ready and not self._ended:
            self._ready = memoryview(self._next(len(view)))
        count = min(len(view), len(self._ready))
        view[:count], self._ready = self._ready[:count], self._ready[count:]
        self._position += count
        return count

    def close(self) -> None:
        """Close the compressed file too."""
        if not self.closed:
            self._source.close()
        super().close()

    def _next(self, size: int) -> bytes:
        """Some more bytes; nothing does not mean the end."""
        if self._stream.eof:
            data = self._after(self._stream.unused_data)
            if not data:
                self._ended = True
                return b""
            self._stream = self._make()
        else:
            data = self._source.read(_BLOCK) if self._stream.needs_input else b""
            if not data and self._stream.needs_input:
                raise UnpackingError(f"breaks off: the {self._name} data are not whole")
        try:
            unpacked = self._stream.decompress(data, size)
        except (zlib.error, lzma.LZMAError, OSError) as error:
            raise UnpackingError(self._broken(error)) from error
        self._allowance.spend(len(unpacked))
        return unpacked

    def _after(self, data: bytes) -> bytes:
        """The beginning of the next stream, past the zeros that some tools fill up with; nothing at the end."""
        data = data.lstrip(b"\0")
        while not data and (block := self._source.read(_BLOCK)):
            data = block.lstrip(b"\0")
        return data

    def _broken(self, error: Exception) -> str:
        if not self._position:
            return f"is not {self._name}, or is damaged from the beginning on ({error})"
        return f"is damaged: after {self._position:,} unpacked bytes the {self._name} data make no sense ({error})"
