"""Folders that training leaves, and what is said where the disk does not take them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from zaoju.errors import UserError
from zaoju.files import whole_folder


@contextmanager
def written_whole(path: Path, what: str) -> Iterator[Path]:
    """`whole_folder`, for `what`; raises `UserError` where it cannot be written."""
    with disk_errors(path, what), whole_folder(path) as partial:
        yield partial


@contextmanager
def disk_errors(path: Path, what: str) -> Iterator[None]:
    """Raise `UserError` where the disk does not take `what`, which the block writes to `path`."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise UserError(
            f"{what} cannot be written to {path}: {reason}. "
            "Earlier checkpoints are untouched: make room or set the permissions, then run again to go on"
        ) from error
