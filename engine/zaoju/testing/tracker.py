"""The kit for trackers."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from zaoju.contracts import (
    CheckpointSaved,
    Event,
    HeldOutScored,
    Notice,
    Options,
    Progress,
    SampleWritten,
    TrackedTraining,
    Tracker,
    TrainStep,
)
from zaoju.testing.component import ComponentContract
from zaoju.testing.global_state import generator_states, settings
from zaoju.testing.hostile_text import HOSTILE_TEXTS
from zaoju.testing.requirements import pytest

_STEPS = 8
_NAN, _INFINITE = float("nan"), float("inf")


@dataclass(frozen=True, slots=True)
class _Later:
    """A kind of event that no tracker of today knows."""

    step: int


class TrackerContract(ComponentContract):
    """Checks a `zaoju.Tracker`: it hears whole and broken trainings, and disturbs none.

    ```python
    class TestMyLog(TrackerContract):
        component = "my_log"
    ```
    """

    kind = "tracker"

    @pytest.fixture
    @classmethod
    def training(cls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrackedTraining:
        """A training whose folder is there; the tests work in the folder above it."""
        folder = tmp_path / "trackers" / "this" / "training"
        folder.mkdir(parents=True)
        monkeypatch.chdir(tmp_path)
        return TrackedTraining("a run", folder, {"seed": 1, "trainer": {"name": "lean", "steps": _STEPS}}, 1.5)

    def test_a_whole_training_is_heard(self, training: TrackedTraining) -> None:
        """From the first step to the end."""
        self._track(training, _events())

    def test_a_training_without_events_is_heard(self, training: TrackedTraining) -> None:
        """Such as one that was finished before, or a model that is no network."""
        self._track(training, [])

    def test_what_is_not_measured_is_left_out(self, training: TrackedTraining) -> None:
        """Trainers need not tell all numbers, and not every number is finite."""
        bare = TrainStep(1, _STEPS, 3.0, 1e-3, 64, 500.0)
        odd = TrainStep(2, _STEPS, _NAN, 0.0, 128, 0.0, gradient_norm=_INFINITE, peak_memory=0, flops_utilisation=_NAN)
        self._track(training, [bare, HeldOutScored(1, _INFINITE), odd])

    def test_any_text_may_be_written(self, training: TrackedTraining) -> None:
        """A model in training writes anything, and so does a user as a prompt."""
        texts = HOSTILE_TEXTS.values()
        self._track(training, [SampleWritten(step, text, text) for step, text in enumerate(texts, start=1)])

    def test_unknown_events_are_passed_over(self, training: TrackedTraining) -> None:
        """A later zaoju may tell more."""
        later = cast("Event", _Later(3))
        self._track(training, [Notice("a word"), Progress("looking", 1, 2, "texts"), later, *_events()])

    def test_an_interrupted_training_goes_on(self, training: TrackedTraining) -> None:
        """A process that is killed does not come to `end`; the next one repeats the steps after the checkpoint."""
        killed = self.build(Tracker)
        killed.begin(training)
        for event in _events():
            killed.report(event)
        self._track(training, _events(first=5))
        killed.end()

    def test_a_training_may_go_back(self, training: TrackedTraining) -> None:
        """As one does whose loss was no number: steps come again within one process."""
        self._track(training, [*_events(), *_events(first=4)])

    def test_it_writes_into_its_folder_only(self, training: TrackedTraining) -> None:
        """The run folder around it belongs to others, and so does the folder where the program was started."""
        above = training.folder.parents[2]
        others = _files(above, without=training.folder)
        self._track(training, _events())
        assert _files(above, without=training.folder) == others, "it has written outside of its folder"

    def test_it_changes_nothing_global(self, training: TrackedTraining, capfd: pytest.CaptureFixture[str]) -> None:
        """A training is exact with it and without it, and standard output is for results."""
        generators, globally = generator_states(), settings()
        capfd.readouterr()
        self._track(training, _events())
        assert capfd.readouterr().out == "", "it prints to standard output, which is for results: log instead"
        drawn = [name for name, state in generator_states().items() if generators.get(name, state) != state]
        assert not drawn, f"it draws from the global generators of {', '.join(drawn)}; make a generator of its own"
        assert settings() == globally, "it changes global settings of torch"

    def test_no_thread_is_left(self, training: TrackedTraining) -> None:
        """A thread that is still at work keeps a program from ending, or loses what it has not written."""
        before = set(threading.enumerate())
        self._track(training, _events())
        left = [thread.name for thread in threading.enumerate() if thread not in before]
        assert not left, f"end() leaves the threads {', '.join(left)}"

    @classmethod
    def _track(cls, training: TrackedTraining, events: list[Event]) -> None:
        tracker = cast("Tracker[Options]", cls.build(Tracker))
        tracker.begin(training)
        for event in events:
            tracker.report(event)
        tracker.end()


def _events(first: int = 1) -> list[Event]:
    """What a training tells from step `first` on."""
    return list(_training(first))


def _training(first: int) -> Iterator[Event]:
    for step in range(first, _STEPS + 1):
        yield TrainStep(
            step, _STEPS, 5.0 / step, 1e-3, 64 * step, 500.0,
            gradient_norm=1.0 / step, peak_memory=2**30, flops_utilisation=0.4,
        )  # fmt: skip
        if step % 3 == 0:
            yield HeldOutScored(step, 6.0 / step)
            yield SampleWritten(step, "我想", "去看看。")
            yield CheckpointSaved(step, Path("checkpoints") / f"step-{step:08d}")


def _files(folder: Path, *, without: Path) -> Mapping[Path, bytes]:
    """All files below a folder with their contents, but for those in `without`."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and without not in path.parents)
    return {path: path.read_bytes() for path in files}
