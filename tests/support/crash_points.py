"""A process that dies at a chosen call to the file system, loses power there, or has a disk that fails from there on.

Counted are the calls by which a program changes what lies on disk: opening a file to write, `fsync`, `rename`,
`replace`, `mkdir`, `unlink`, `rmdir`. `CrashPoints` ends the process at the k-th of them, before it is done, as SIGKILL
does. With `power_loss`, what a disk may forget is forgotten: only contents that were synchronised stay, and only names
that were in a folder when the folder was synchronised. `dying_child` waits for such a process, and leaves what the disk
still knows: while it lives, its other threads may write. `DiskFaults` lets the k-th of the calls fail.
"""

from __future__ import annotations

import builtins
import io
import os
import shutil
import stat
import threading
from collections.abc import Callable
from pathlib import Path

from support.forked import in_child

DIED = 77
"""The exit code of a process that died where it should."""

_NAMES = ("fsync", "rename", "replace", "mkdir", "unlink", "rmdir")


class CountedCalls:
    """Looks at the calls of this process that change files. For a process of its own: the calls stay as they are."""

    def __init__(self) -> None:
        self.seen = 0
        self._real = {name: getattr(os, name) for name in _NAMES}

    def install(self) -> None:
        """From now on calls are counted."""
        for name in _NAMES:
            setattr(os, name, self._counted(name))
        real_open = io.open

        def counted_open(file, mode="r", *arguments, **options):  # noqa: ANN001, ANN002, ANN003, ANN202  # io.open's
            if set(mode) & set("wxa+"):
                self.before("open", _path(file, options))
            return real_open(file, mode, *arguments, **options)

        io.open = builtins.open = counted_open

    def before(self, name: str, path: Path) -> None:
        """A call that changes `path` is about to be made."""
        raise NotImplementedError

    def after(self, name: str, first: object) -> None:
        """A call other than to open is done; `first` is its first argument."""

    def _counted(self, name: str) -> Callable[..., object]:
        real = self._real[name]

        def call(*arguments, **options) -> object:  # noqa: ANN002, ANN003  # those of the real one
            self.before(name, _path(arguments[0], options))
            result = real(*arguments, **options)
            self.after(name, arguments[0])
            return result

        return call


class CrashPoints(CountedCalls):
    """Ends the process at one of the calls."""

    def __init__(self, folder: Path, die_at: int | None, *, power_loss: bool) -> None:
        super().__init__()
        self._die_at = die_at
        self._disk = DurableDisk(folder) if power_loss else None
        self._dying = threading.RLock()

    def before(self, name: str, path: Path) -> None:
        with self._dying:  # a checkpoint may be written in a thread of its own
            self._before()

    def _before(self) -> None:
        self.seen += 1
        if self.seen == self._die_at:
            # The calls stay counted: so any other thread that changes files waits for the lock, for ever.
            if self._disk is not None:
                self._disk.write_what_is_known()
            os._exit(DIED)

    def after(self, name: str, first: object) -> None:
        if name == "fsync" and self._disk is not None:
            assert isinstance(first, int)
            with self._dying:
                self._disk.synchronised(first)


def dying_child(work: Callable[[], object], folder: Path) -> int:
    """Do `work`, with `CrashPoints` in `folder`, in a copy of this process; its exit code."""
    code = in_child(work)
    if _beside(folder).is_dir():
        shutil.rmtree(folder)
        _beside(folder).rename(folder)
    return code


def _beside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name} after a loss of power")


class DiskFaults(CountedCalls):
    """Lets the `fail_at`-th call to change something in `folder` fail with `number`, and with `lasting` all later ones.

    Only calls named in `names` are counted and fail.
    """

    def __init__(self, folder: Path, fail_at: int | None, number: int, names: frozenset[str], *, lasting: bool) -> None:
        super().__init__()
        self._folder = folder
        self._fail_at = fail_at
        self._number = number
        self._names = names
        self._lasting = lasting

    def before(self, name: str, path: Path) -> None:
        if name not in self._names or not path.is_relative_to(self._folder):
            return
        self.seen += 1
        if self._fail_at is None or self.seen < self._fail_at or (self.seen > self._fail_at and not self._lasting):
            return
        error = OSError(self._number, os.strerror(self._number))
        if name != "fsync":  # which knows no name
            error.filename = str(path)
        raise error


class DurableDisk:
    """What of a folder would be there after power was lost: contents and names as of their last `fsync`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._contents: dict[int, bytes] = {}
        self._names: dict[int, dict[str, tuple[int, bool]]] = {}
        for parent, _, files in os.walk(folder):
            self._keep_names(Path(parent))
            for file in files:
                self._contents[Path(parent, file).stat().st_ino] = Path(parent, file).read_bytes()

    def synchronised(self, handle: int) -> None:
        """What `handle` stands for is on disk now: a file's content, or the names in a folder."""
        path = Path(f"/proc/self/fd/{handle}").readlink()
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            self._keep_names(path)
        else:
            self._contents[os.fstat(handle).st_ino] = path.read_bytes()

    def write_what_is_known(self) -> None:
        """Beside the folder, what a disk would still know of it."""
        beside = _beside(self._folder)
        beside.mkdir()
        self._restore(beside, self._folder.stat().st_ino)

    def _keep_names(self, folder: Path) -> None:
        self._names[folder.stat().st_ino] = {
            entry.name: (entry.inode(), entry.is_dir(follow_symlinks=False)) for entry in os.scandir(folder)
        }

    def _restore(self, folder: Path, inode: int) -> None:
        for name, (number, is_folder) in self._names.get(inode, {}).items():
            path = folder / name
            if is_folder:
                path.mkdir()
                self._restore(path, number)
            else:
                path.write_bytes(self._contents.get(number, b""))


def _path(first: object, options: dict[str, object]) -> Path:
    """What a call is about, from its first argument: a path, perhaps below an open folder, or an open file."""
    if isinstance(first, int):
        return Path(f"/proc/self/fd/{first}").readlink()
    folder = options.get("dir_fd")
    base = Path.cwd() if folder is None else Path(f"/proc/self/fd/{folder}").readlink()
    assert isinstance(first, str | bytes | os.PathLike)
    return base / os.fsdecode(first)
