"""Processes of this machine that share a piece of work."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from multiprocessing import connection, get_context
from typing import Any, TypeVar

TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def worker_processes(function: Callable[[TaskT], ResultT], number: int) -> Iterator[Callable[[TaskT], Future[ResultT]]]:
    """Give a way to submit tasks to `number` processes, which apply `function` to them.

    `function` is pickled to each process once, so an object that keeps what it builds builds it once a process. The
    future of a task raises `concurrent.futures.process.BrokenProcessPool` where a process has died. When the block ends
    with an exception, the processes end at once, whatever they are doing; so they do when this process is killed.
    """
    context = get_context("spawn")  # a fork would copy the locks of torch's and tokenizers' threads
    stopped, stop = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(number, context, _start, (function, stopped))
    try:
        yield lambda task: pool.submit(_apply, task)
    except BaseException:
        stop.close()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        stop.close()
        stopped.close()


_FUNCTION: ContextVar[Callable[[Any], Any]] = ContextVar("the function of this worker process")


def _start(function: Callable[[Any], Any], stopped: connection.Connection) -> None:
    """Ctrl-C is for the parent to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_when, args=(stopped,), daemon=True).start()
    _FUNCTION.set(function)


def _end_when(stopped: connection.Connection) -> None:
    """Nothing is ever sent: the pipe becomes ready when its other end is closed, by the parent or by its death."""
    connection.wait([stopped])
    os._exit(1)


def _apply(task: Any) -> Any:  # noqa: ANN401  # what it is, is between `worker_processes` and its caller
    return _FUNCTION.get()(task)
