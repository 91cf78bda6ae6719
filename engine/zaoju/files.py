"""Files that appear whole or not at all, hashes of what they hold, and JSON that is checked to be an object."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from zaoju.errors import ArtefactError


def write_text_whole(path: Path, text: str) -> None:
    """Write `text` to `path` in UTF-8. Whoever looks sees the old file or the new one, never a part of it."""
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    try:
        with partial.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder beside `path` to write into; when the block ends well, it takes the place of `path`.

    An existing `path` is replaced. Where the block raises, `path` is as it was and nothing else remains. What a killed
    process left behind is cleared up by the next one that writes to the same `path`; two at once are not supported.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial, aside = path.with_name(f".{path.name}.partial"), path.with_name(f".{path.name}.aside")
    _restore(path, partial, aside)
    partial.mkdir()
    try:
        yield partial
        sync_tree(partial)
        if path.exists():
            path.rename(aside)
        partial.rename(path)
    except BaseException:
        _restore(path, partial, aside)
        raise
    _sync_folder(path.parent)
    _remove(aside)


def sync_tree(folder: Path) -> None:
    """Make a folder durable, with all that is below it."""
    for parent, _, names in os.walk(folder):
        for name in names:
            with Path(parent, name).open("rb") as file:
                os.fsync(file.fileno())
        _sync_folder(Path(parent))


def read_json_object(path: Path) -> dict[str, object] | None:
    """The JSON object in a file of a model folder; None where there is no such file.

    Raises `ArtefactError` where the file cannot be read or holds anything else.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ArtefactError(f"{path} cannot be read: {error}; copy the folder again") from error
    if not isinstance(value, dict):
        raise ArtefactError(f"{path} must hold a JSON object, not {type(value).__name__}; copy the folder again")
    return value


def hash_file(path: Path) -> str:
    """The SHA-256 of the file's content, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_path(path: Path) -> str:
    """The hash of a file's content; of a folder, that of the names and contents of all files in it."""
    if not path.is_dir():
        return hash_file(path)
    inside = sorted(one for one in path.rglob("*") if one.is_file())
    return hash_json({one.relative_to(path).as_posix(): hash_file(one) for one in inside})


def by_content(options: Mapping[str, object], paths: Mapping[str, Path]) -> dict[str, object]:
    """Options of which those in `paths` count by what lies there, not by where it lies."""
    return {**options, **{name: {"file": hash_path(path)} for name, path in paths.items() if path.exists()}}


def hash_json(value: object) -> str:
    """The SHA-256 of a JSON value, the same for equal values whatever the order of their keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _restore(path: Path, partial: Path, aside: Path) -> None:
    """Undo an unfinished replacement: the old folder is back in its place, or is there for nothing and goes."""
    _remove(partial)
    if aside.exists() and not path.exists():
        aside.rename(path)
    _remove(aside)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Windows cannot open folders, and has no need of it."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
