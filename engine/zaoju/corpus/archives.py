"""The members of zip and tar files, one after another. Nothing is ever written under a member's name."""

from __future__ import annotations

import io
import lzma
import re
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, Self

from zaoju.corpus.compression import Allowance, UnpackingError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BLOCK = 1 << 16
_IN_MEMORY = 1 << 20
"""A member of a tar file up to this size is kept in memory while it is read, a larger one in a temporary file."""

_MOST_MEMBERS = 500_000
"""zipfile holds the whole list of members, about half a kilobyte each."""

_ENCRYPTED = 1
_UTF8 = 1 << 11


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive."""

    name: str
    """With `/` between folders, and without what would lead out of the archive."""

    size: int
    """Unpacked, as the archive says."""

    open: Callable[[], BinaryIO]
    """Its content from the beginning, until the next member is asked for."""

    refused: str | None = None
    """Why it cannot be read."""


def zip_members(source: BinaryIO, allowance: Allowance) -> Iterator[Member]:
    """The members of a zip file, in its own order. Raises `UnpackingError` where it is no whole zip file."""
    try:
        archive = zipfile.ZipFile(source)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise UnpackingError(f"is no zip file, or breaks off ({error})") from error
    with archive:
        infos = archive.infolist()
        if len(infos) > _MOST_MEMBERS:
            raise UnpackingError(f"has {len(infos):,} members, more than {_MOST_MEMBERS:,}: unpack it yourself")
        for info in infos:
            if info.is_dir():
                continue
            raw = info.orig_filename if info.flag_bits & _UTF8 else info.orig_filename.encode("cp437")
            refused = "is encrypted: unpack it yourself" if info.flag_bits & _ENCRYPTED else None
            yield Member(_clean(raw), info.file_size, _zip_opener(archive, info, allowance), refused)


def tar_members(source: BinaryIO, allowance: Allowance) -> Iterator[Member]:
    """The members of a tar file, in its own order; links are passed over, since what they lead to is a member.

    Raises `UnpackingError` where it is no tar file or breaks off, after the members that are whole.
    """
    try:
        with tarfile.open(fileobj=source, mode="r|", tarinfo=_StrictInfo) as archive:
            while (info := archive.next()) is not None:
                archive.members = []  # type: ignore[attr-defined]  # it would hold the whole list
                if info.isfile():
                    with tempfile.TemporaryDirectory(prefix="zaoju-") as folder:
                        opened = _tar_opener(archive, info, allowance, Path(folder, "member"))
                        yield Member(_clean(info.name.encode("utf-8", "surrogateescape")), info.size, opened)
    except tarfile.TarError as error:
        raise UnpackingError(f"is no tar file, or breaks off ({error})") from error


class _StrictInfo(tarfile.TarInfo):
    """tarfile takes a damaged header for the end of the archive, and a missing end for one."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # the mark at the end
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error)) from error


def _zip_opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo, allowance: Allowance) -> Callable[[], BinaryIO]:
    def opened() -> BinaryIO:
        try:
            return io.BufferedReader(_ZipMember(archive.open(info), allowance), _BLOCK)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise UnpackingError(f"cannot be unpacked ({error})") from error

    return opened


class _ZipMember(io.RawIOBase):
    """A member of a zip file with the errors and the bound of every packed file."""

    def __init__(self, source: IO[bytes], allowance: Allowance) -> None:
        self._source = source
        self._allowance = allowance

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """Also backwards: it is then unpacked once more."""
        return self._source.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to another place."""
        return self._source.seek(offset, whence)

    def tell(self) -> int:
        """The place in the unpacked member."""
        return self._source.tell()

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill some of `buffer`; 0 at the end."""
        view = memoryview(buffer).cast("B")
        try:
            data = self._source.read(len(view))
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError) as error:
            raise UnpackingError(f"is damaged or breaks off ({error})") from error
        self._allowance.spend(len(data))
        view[: len(data)] = data
        return len(data)


def _tar_opener(
    archive: tarfile.TarFile, info: tarfile.TarInfo, allowance: Allowance, path: Path
) -> Callable[[], BinaryIO]:
    """A stream can be read only once, so the member is kept: a small one in memory, a larger one in a file."""
    kept: list[bytes] = []

    def opened() -> BinaryIO:
        if not kept and not path.exists():
            content = archive.extractfile(info)
            assert content is not None  # it is a file
            allowance.spend(info.size)
            try:
                if info.size <= _IN_MEMORY:
                    kept.append(content.read())
                else:
                    with path.open("wb") as file:
                        shutil.copyfileobj(content, file, _BLOCK)
            except tarfile.TarError as error:
                path.unlink(missing_ok=True)
                raise UnpackingError(f"breaks off ({error})") from error
        return io.BytesIO(kept[0]) if kept else path.open("rb")

    return opened


def _clean(name: str | bytes) -> str:
    """A member's name as a person reads it; `..` and roots would lead out of the archive.

    Tools on Chinese Windows write names in GBK without saying so.
    """
    text = name if isinstance(name, str) else _decoded(name)
    return "/".join(part for part in re.split(r"[/\\]", text) if part not in ("", ".", ".."))


def _decoded(name: bytes) -> str:
    for encoding in ("utf-8", "gb18030"):
        with suppress(UnicodeDecodeError):
            return name.decode(encoding)
    return name.decode("cp437")  # which has a character for every byte
