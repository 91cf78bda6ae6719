"""Where the pipeline's events go: to the caller, and to the plugins' lifecycle hooks."""

from __future__ import annotations

from zaoju.contracts import Event, EventSink
from zaoju.plugins import PluginManager


def combined(caller: EventSink | None, plugins: PluginManager) -> EventSink:
    """A sink that tells the plugins first and then the caller."""

    def emit(event: Event) -> None:
        plugins.notify(event)
        if caller is not None:
            caller(event)

    return emit
