"""A process that dies at a chosen call to the file system, or loses power there.

Counted are the calls by which a program changes what lies on disk: opening a file to write, `fsync`, `rename`,
`replace`, `mkdir`, `unlink`, `rmdir`. `die_at(k)` ends the process at the k-th of them, before it is done, as SIGKILL
does. With `power_loss`, what a disk may forget is forgotten first: only contents that were synchronised stay, and only
names that were in a folder when the folder was synchronised.
"""

from __future__ import annotations

import builtins
import io
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

DIED = 77
"""The exit code of a process that died where it should."""

_NAMES = ("fsync", "rename", "replace", "mkdir", "unlink", "rmdir")


class CrashPoints:
    """Counts the calls of this process that change files, and ends it at one of them. For a process of its own."""

    def __init__(self, folder: Path, die_at: int | None, *, power_loss: bool) -> None:
        self.seen = 0
        self._folder = folder
        self._die_at = die_at
        self._disk = DurableDisk(folder) if power_loss else None
        self._real = {name: getattr(os, name) for name in _NAMES}

    def install(self) -> None:
        """From now on calls are counted. There is no way back: the process ends soon."""
        for name in _NAMES:
            setattr(os, name, self._counted(name))
        real_open = io.open

        def counted_open(file, mode="r", *arguments, **options):  # noqa: ANN001, ANN002, ANN003, ANN202  # io.open's
            if set(mode) & set("wxa+"):
                self._point()
            return real_open(file, mode, *arguments, **options)

        io.open = builtins.open = counted_open

    def _counted(self, name: str) -> Callable[..., object]:
        real = self._real[name]

        def call(*arguments, **options) -> object:  # noqa: ANN002, ANN003  # those of the real one
            self._point()
            result = real(*arguments, **options)
            if name == "fsync" and self._disk is not None:
                self._disk.synchronised(arguments[0])
            return result

        return call

    def _point(self) -> None:
        self.seen += 1
        if self.seen == self._die_at:
            for name, real in self._real.items():
                setattr(os, name, real)
            if self._disk is not None:
                self._disk.lose_power()
            os._exit(DIED)


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

    def lose_power(self) -> None:
        """Make the folder what a disk would still know."""
        root = self._folder.stat().st_ino
        for path in self._folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self._restore(self._folder, root)

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
