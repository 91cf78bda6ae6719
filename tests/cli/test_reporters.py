"""Progress says how fast the work goes and how long it will take."""

from __future__ import annotations

import pytest
from rich.progress import Progress

from zaoju.cli.reporters import PlainReporter
from zaoju.cli.terminal import RateColumn, TerminalReporter
from zaoju.contracts import Notice, StageFinished, TrainStep
from zaoju.contracts import Progress as Moved


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def step(number: int) -> TrainStep:
    return TrainStep(number, 400, loss=3.0, learning_rate=0.1, tokens=number, tokens_per_second=5000)


def test_plain_lines_tell_rate_and_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    reporter = PlainReporter(clock)
    for seconds, number in ((0, 100), (5, 110), (20, 140)):
        clock.now = 100.0 + seconds
        reporter.report(step(number))
    assert capsys.readouterr().err.splitlines() == [
        "  training: 100 of 400 steps, loss 3.000, 5,000 tokens/s",
        "  training: 140 of 400 steps, 2/s, 0:02:10 left, loss 3.000, 5,000 tokens/s",
    ]


def test_a_task_that_begins_again_is_timed_anew(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    reporter = PlainReporter(clock)
    for seconds, done in ((0, 1000), (50, 10), (60, 20)):
        clock.now = 100.0 + seconds
        reporter.report(Moved("packing", done, None, "documents"))
    assert capsys.readouterr().err.splitlines() == [
        "  packing: 1,000 documents",
        "  packing: 10 documents",
        "  packing: 20 documents, 1/s",
    ]


def test_the_rate_column_follows_the_work() -> None:
    clock = Clock()
    with Progress(RateColumn(), get_time=clock, disable=True) as progress:
        task = progress.add_task("packing", total=1000)
        assert RateColumn().render(progress.tasks[0]).plain == ""
        for done in (40, 80, 120):
            clock.now += 2
            progress.update(task, completed=done)
        assert RateColumn().render(progress.tasks[0]).plain == "20/s"


def test_the_terminal_draws_every_event(
    capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with TerminalReporter() as reporter:
        for event in (
            Moved("packing", 1, 2, "documents"),
            step(1),
            Notice("a word"),
            Moved("packing", 2, 2, "documents"),
        ):
            reporter.report(event)
        reporter.report(StageFinished("encode", tmp_path_factory.getbasetemp(), 1.0))
    assert "a word" in capsys.readouterr().err
