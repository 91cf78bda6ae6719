"""Progress says how fast the work goes and how long it will take."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from zaoju.cli.reporters import PlainReporter
from zaoju.cli.terminal import NotedProgress, RateColumn, TerminalReporter
from zaoju.contracts import HeldOutScored, Notice, StageFinished, StageStarted, TrainStep
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


def test_training_tells_of_the_machine_and_of_the_last_look(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    clock = Clock()
    reporter = PlainReporter(clock)
    for seconds, event in (
        (0, replace(step(100), flops_utilisation=0.314)),
        (10, HeldOutScored(110, 4.5)),
        (20, replace(step(140), flops_utilisation=0.42)),
        (30, StageStarted("train", tmp_path)),
        (40, step(150)),
    ):
        clock.now = 100.0 + seconds
        reporter.report(event)
    assert capsys.readouterr().err.splitlines() == [
        "  training: 100 of 400 steps, loss 3.000, 5,000 tokens/s, 31% MFU",
        "  step 110: 4.500 bits per character on held-out text",
        "  training: 140 of 400 steps, 2/s, 0:02:10 left, loss 3.000, 5,000 tokens/s, 42% MFU, "
        "held out 4.500 bits/char",
        "train",
        "  training: 150 of 400 steps, 1.2/s, 0:03:20 left, loss 3.000, 5,000 tokens/s",
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


def test_a_narrow_terminal_shows_the_note_whole() -> None:
    note = "loss 3.000, 5,000 tokens/s, 42% MFU, held out 4.500 bits/char"
    progress = NotedProgress(
        TextColumn("  {task.description}"), BarColumn(), TextColumn("{task.fields[unit]}"), disable=True
    )
    progress.add_task("packing", total=10, unit="documents", note="")
    progress.add_task("training", total=400, unit="steps", note=note)
    console = Console(width=70)
    with console.capture() as captured:
        console.print(progress.get_renderable())
    packing, training, below = captured.get().splitlines()
    assert packing.startswith("  packing") and training.startswith("  training") and below == f"  {note}"
