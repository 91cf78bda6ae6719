"""Trackers at work: every event of a training reaches them, and none of them can end it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from zaoju.contracts import Event, EventSink, Notice, Options, TrackedTraining, Tracker
from zaoju.errors import PluginError, UserError
from zaoju.plugins import ResolvedComponent
from zaoju.plugins.foreign import blaming

FOLDER = "trackers"
"""In the run folder; in it one folder for each tracker, with one for each training."""


@contextmanager
def tracking(
    components: Sequence[ResolvedComponent],
    run: Path,
    training: str,
    config: Mapping[str, object],
    characters_per_token: float,
    emit: EventSink,
) -> Iterator[EventSink]:
    """A sink that hands events on to `emit` and then tells the trackers, which begin and end with the block.

    `training` names the training inside its run. Raises `UserError` of a tracker that cannot begin.
    """
    with ExitStack() as stack:
        trackers = []
        for component in components:
            folder = run / FOLDER / component.name / training
            folder.mkdir(parents=True, exist_ok=True)
            tracker = _Guarded(component, emit)
            tracker.begin(TrackedTraining(f"{run.name} {training}", folder, config, characters_per_token))
            stack.callback(tracker.end)
            trackers.append(tracker)

        def emit_and_track(event: Event) -> None:
            emit(event)
            for tracker in trackers:
                tracker.report(event)

        yield emit_and_track


class _Guarded:
    """A tracker whose errors are told. After the first one it hears nothing more."""

    def __init__(self, component: ResolvedComponent, emit: EventSink) -> None:
        self._tracker: Tracker[Options] = component.build(Tracker)
        self._label = component.label
        self._emit = emit
        self._failed = False

    def begin(self, training: TrackedTraining) -> None:
        try:
            with blaming(f"{self._label} cannot begin"):
                self._tracker.begin(training)
        except PluginError as error:
            if isinstance(error.__cause__, UserError):
                raise error.__cause__ from None
            raise

    def report(self, event: Event) -> None:
        if self._failed:
            return
        try:
            with blaming(f"{self._label} failed"):
                self._tracker.report(event)
        except PluginError as error:
            self._failed = True
            self._emit(Notice(f"{error}; the training goes on without it"))

    def end(self) -> None:
        try:
            with blaming(f"{self._label} failed at the end"):
                self._tracker.end()
        except PluginError as error:
            if not self._failed:
                self._emit(Notice(f"{error}; what it has written may not be whole"))
