"""Watching long work: progress on standard error, and Ctrl-C as a wish to stop."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click

import zaoju
from zaoju.cli.reporters import PlainReporter


@contextmanager
def watching(*, quiet: bool) -> Iterator[tuple[zaoju.EventSink | None, threading.Event]]:
    """Give an event callback and a cancel event for the work inside the block."""
    cancel = threading.Event()
    with _stopping_on_signals(cancel):
        if quiet or not zaoju.is_main_process():
            yield None, cancel
        elif sys.stderr.isatty():
            # Imported when there is a terminal to draw on: rich's bars take a tenth of a second to import.
            from zaoju.cli.terminal import TerminalReporter

            with TerminalReporter() as terminal:
                yield terminal.report, cancel
        else:
            yield PlainReporter().report, cancel


@contextmanager
def _stopping_on_signals(cancel: threading.Event) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM asks the work to save and stop; the second one ends it at once."""

    def stop(number: int, frame: FrameType | None) -> None:
        if cancel.is_set():
            raise KeyboardInterrupt
        cancel.set()
        if zaoju.is_main_process():
            click.echo("stopping: saving what there is. Once more ends it at once.", err=True)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
