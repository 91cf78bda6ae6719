"""What a long piece of work says while it is done, and how it is stopped."""

from __future__ import annotations

import threading
import time

from zaoju.contracts import EventSink, Progress
from zaoju.errors import Cancelled

_SECONDS_BETWEEN_REPORTS = 0.2


class Monitor:
    """Reports progress, but not more often than a person can read, and stops the work when it is told to."""

    def __init__(self, emit: EventSink, cancel: threading.Event) -> None:
        self.emit = emit
        self.cancel = cancel
        self._last_report = 0.0

    def check(self) -> None:
        """Raise `Cancelled` where the work is to stop."""
        if self.cancel.is_set():
            raise Cancelled("preparing the corpus was cancelled; the same run again goes on from here")

    def progress(self, task: str, done: int, total: int | None, unit: str, *, last: bool = False) -> None:
        """Say how far the work is; the `last` word is always said."""
        now = time.monotonic()
        if last or now - self._last_report >= _SECONDS_BETWEEN_REPORTS:
            self.emit(Progress(task, done, total, unit))
            self._last_report = now
