"""One process at a time changes a run folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from zaoju.errors import UserError


@contextmanager
def alone_in(run: Path) -> Iterator[None]:
    """Hold the run folder while the block changes it. The system lets go of it when a process dies.

    Raises `UserError` at once where another process, or another thread, holds it.
    """
    run.mkdir(parents=True, exist_ok=True)
    lock = FileLock(run / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise UserError(f"another zaoju is at work in {run}; wait for it to end, or name another `run:`") from error
    try:
        yield
    finally:
        lock.release()
