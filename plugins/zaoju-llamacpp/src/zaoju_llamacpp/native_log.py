"""What llama.cpp says while it works: kept from the terminal, and there for an error message."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import llama_cpp

_ERROR, _CONTINUED = 4, 5
"""GGML_LOG_LEVEL_ERROR, and GGML_LOG_LEVEL_CONT: the text goes on from the one before."""

_KEPT = 20
"""No more lines of one call are kept; the first say most."""


class NativeLog:
    """Takes llama.cpp's log over for the time of a call.

    The log is one for the whole process. It goes back to whoever had it when the last call has ended, and what other
    threads cause in the meantime is passed on to them.
    """

    def __init__(self) -> None:
        self._callback = llama_cpp.llama_log_callback(self._take)
        self._before = llama_cpp.llama_log_callback()
        self._lock = threading.Lock()
        self._inside = 0
        self._here = threading.local()

    @contextmanager
    def kept(self) -> Iterator[list[str]]:
        """The errors that this thread causes, in the order in which they are said, without ends of lines."""
        lines: list[str] = []
        outer = getattr(self._here, "lines", None)
        self._here.lines = lines
        self._enter()
        try:
            yield lines
        finally:
            self._leave()
            self._here.lines = outer

    def _enter(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                llama_cpp.llama_log_get(ctypes.byref(self._before), ctypes.byref(ctypes.c_void_p()))
                llama_cpp.llama_log_set(self._callback, None)

    def _leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                llama_cpp.llama_log_set(self._before, None)

    def _take(self, level: int, text: bytes, data: int | None) -> None:
        lines = getattr(self._here, "lines", None)
        if lines is None:
            if self._before:
                self._before(level, text, data)
            return
        if level == _CONTINUED:
            level = getattr(self._here, "level", level)
        self._here.level = level
        said = text.decode("utf-8", errors="replace").strip()
        if level == _ERROR and said and len(lines) < _KEPT:
            lines.append(said)


@cache
def native_log() -> NativeLog:
    """The one of this process, as llama.cpp has only one."""
    return NativeLog()
