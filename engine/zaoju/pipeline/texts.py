"""Writing many texts whole: none of them cut short because somebody stopped the work."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from zaoju.contracts import EventSink
from zaoju.errors import Cancelled
from zaoju.generation import Engine, Generation, Request


def write_texts(
    engine: Engine, requests: Sequence[Request], emit: EventSink | None, cancel: threading.Event | None
) -> list[Generation]:
    """A text for each request. Raises `Cancelled` where the work was stopped: half a text must not pass for a whole."""
    texts = engine.generate_batch(requests, cancel=cancel, on_event=emit)
    if cancel is not None and cancel.is_set():
        raise Cancelled("the writing was stopped")
    return texts
