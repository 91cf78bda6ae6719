"""The log of a training and its page: they say what happened, also of a training that was interrupted."""

from __future__ import annotations

import json
import math
import threading
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

import zaoju
from support.browser import opened
from support.small_run import small_config
from zaoju.contracts import CheckpointSaved, HeldOutScored, SampleWritten, TrainStep
from zaoju.evaluation import Copied
from zaoju.pages import render
from zaoju.pipeline.training_log import TrainingLog, read_training_log, training_seconds
from zaoju.pipeline.training_page import training_page
from zaoju.pipeline.training_report import TrainingReport, report_training

OLD_STEP = (
    '{"event": "TrainStep", "seconds": 1.0, "step": 1, "steps": 8, "loss": 5.0, "learning_rate": 0.001, "tokens": 10, '
    '"tokens_per_second": 99.0}\n'
)
"""As a version wrote it that measured neither gradients nor memory."""


class Shown(HTMLParser):
    """The text of a page, element by element, and the names of its elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.elements: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.elements.append(tag)

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data.strip())

    def after(self, name: str) -> str:
        """The text after the first `name`."""
        return self.texts[self.texts.index(name) + 1]


def step(number: int) -> TrainStep:
    return TrainStep(number, 8, 5.0 / number, 1e-3, number * 10, 99.0)


def test_a_log_has_each_step_once_after_going_back(tmp_path: Path) -> None:
    path = tmp_path / "training.jsonl"
    told: list[object] = []
    emit = TrainingLog(path).telling(told.append)
    for number in (1, 2, 3):
        emit(step(number))
    emit(HeldOutScored(3, 9.0))
    emit(SampleWritten(3, "我", "想"))
    before = training_seconds(path)
    path.write_text(path.read_text("utf-8") + '{"event": "TrainSt', "utf-8")  # killed while it wrote
    path.write_text(path.read_text("utf-8") + "\n", "utf-8")
    again = TrainingLog(path)
    emit = again.telling(told.append)
    for number in (2, 3, 4):
        emit(step(number))
    emit(HeldOutScored(4, 8.0))
    emit(CheckpointSaved(4, tmp_path))
    again.finish()
    log = read_training_log(path)
    assert [(type(one.event).__name__, one.event.step) for one in log] == [
        ("TrainStep", 1), ("TrainStep", 2), ("TrainStep", 3), ("TrainStep", 4), ("HeldOutScored", 4),
    ]  # fmt: skip
    assert log[1].event == step(2)
    seconds = [one.seconds for one in log]
    assert None not in seconds and seconds == sorted(seconds, key=lambda second: second or 0)
    assert training_seconds(path) >= (log[-1].seconds or 0) >= before
    assert len(told) == 10


def write_log(path: Path, *events: object) -> None:
    emit = TrainingLog(path).telling(lambda event: None)
    for event in events:
        emit(event)  # type: ignore[arg-type]  # they are events


def test_steps_that_are_not_reported_come_once_too(tmp_path: Path) -> None:
    """On a GPU every tenth step is reported, and held-out text is looked at between two of them."""
    path = tmp_path / "training.jsonl"
    looks = [HeldOutScored(28, 9.0), SampleWritten(28, "我", "想"), SampleWritten(28, "你", "好")]
    write_log(path, step(20), step(25), *looks)  # then it is killed, and goes on from step 25
    again = [HeldOutScored(28, 8.0), SampleWritten(28, "我", "们"), SampleWritten(28, "你", "们")]
    write_log(path, *again, step(30))
    assert [one.event for one in read_training_log(path)] == [step(20), step(25), *again, step(30)]
    write_log(path, HeldOutScored(29, 7.0))  # killed again, and the step 30 is gone with it
    assert [one.event for one in read_training_log(path)] == [step(20), step(25), *again, HeldOutScored(29, 7.0)]


@pytest.mark.parametrize("last", [HeldOutScored(3, 9.0), SampleWritten(3, "我", "想"), step(3)])
def test_killed_within_a_step(tmp_path: Path, last: object) -> None:
    whole = [step(3), HeldOutScored(3, 9.0), SampleWritten(3, "我", "想")]
    write_log(tmp_path / "training.jsonl", step(2), *whole[: whole.index(last) + 1])
    write_log(tmp_path / "training.jsonl", *whole)
    assert [one.event for one in read_training_log(tmp_path / "training.jsonl")] == [step(2), *whole]


def test_a_line_that_was_cut_short_swallows_none_after_it(tmp_path: Path) -> None:
    path = tmp_path / "training.jsonl"
    for step in (1, 2, 3):
        TrainingLog(path).telling(lambda event: None)(TrainStep(step, 3, 2.0, 0.01, 64 * step, 100.0))
        if step == 1:
            with path.open("a", encoding="utf-8") as file:
                file.write('{"event": "TrainStep", "sec')
    assert [one.event.step for one in read_training_log(path)] == [1, 2, 3]


def test_a_log_without_times_or_lines_is_read(tmp_path: Path) -> None:
    path = tmp_path / "training.jsonl"
    assert read_training_log(path) == [] and training_seconds(path) == 0
    path.write_text('{"event": "HeldOutScored", "step": 3, "bits_per_character": 2.5}\n', "utf-8")
    (only,) = read_training_log(path)
    assert only.event == HeldOutScored(3, 2.5) and only.seconds is None
    path.write_text(OLD_STEP, "utf-8")
    (only,) = read_training_log(path)
    assert only.event == TrainStep(1, 8, 5.0, 1e-3, 10, 99.0) and only.event.gradient_norm is None


def test_the_page_says_what_the_log_and_the_scores_say(finished: zaoju.RunResult) -> None:
    run = finished.model.parent
    page = zaoju.training_report(small_config(run))
    assert page == run / "report.html"
    shown = Shown(page.read_text("utf-8"))
    assert shown.after("bits per character") == f"{finished.scores.held_out.bits_per_character:.4g}"
    lines = map(json.loads, next(run.glob("stages/train-*/training.jsonl")).read_text("utf-8").splitlines())
    steps = [line for line in lines if line["event"] == "TrainStep"]
    assert shown.after("tokens trained on") == f"{steps[-1]['tokens']:,}"
    header = json.loads(next(run.glob("stages/encode-*/train/packed.json")).read_text("utf-8"))
    per_token = finished.account.train.characters / header["tokens"]
    assert shown.after("characters per token") == f"{per_token:.4g}"
    place = shown.texts.index("training", shown.texts.index("the numbers"))
    assert shown.texts[place + 2] == f"{steps[0]['loss'] / math.log(2) / per_token:.4g}"
    assert shown.after("trainer.name") == "lean" and shown.after("model.size") == "nano"
    assert shown.elements.count("svg") == 8, "two plots for a wide and a narrow window, four that stand side by side"
    assert all(stage.state == "done" for stage in zaoju.status(small_config(run))), "the page is no part of a stage"


def test_a_training_that_was_stopped_has_a_page(tmp_path: Path) -> None:
    config, cancel = small_config(tmp_path / "run", trainer__evaluate_every=2), threading.Event()
    with pytest.raises(zaoju.UserError, match=r"it has not begun.*`zaoju train` trains and writes"):
        zaoju.training_report(config)

    def stop(event: zaoju.Event) -> None:
        if isinstance(event, TrainStep) and event.step == 5:
            cancel.set()

    with pytest.raises(zaoju.Cancelled):
        zaoju.train(config, on_event=stop, cancel=cancel)
    shown = Shown(zaoju.training_report(config).read_text("utf-8"))
    assert any("5 of 12 steps" in text and "not evaluated yet" in text for text in shown.texts)
    assert "step 4" in shown.texts and "step 6" not in shown.texts
    assert not {"html", "svg"} - set(shown.elements)


@pytest.mark.parametrize("width", [1280, 400])
def test_a_browser_opens_it(finished: zaoju.RunResult, tmp_path: Path, width: int) -> None:
    page = zaoju.training_report(small_config(finished.model.parent))
    (tmp_path / "report.html").write_bytes(page.read_bytes())
    shown = Shown(opened(tmp_path / "report.html", width=width))
    assert "What it wrote meanwhile" in shown.texts
    assert "script" not in shown.elements


def report_of(run: Path) -> TrainingReport:
    pipeline = zaoju.open_pipeline(small_config(run))
    return report_training(pipeline.plan.config, pipeline.stages(), run / "none")


def with_log(run: Path, path: Path, *lines: str) -> str:
    """The page of a finished run as it would be with other lines in its log."""
    path.write_text("".join(lines), "utf-8")
    return render(training_page(replace(report_of(run), log=read_training_log(path))))


def test_what_was_not_measured_has_no_plot(finished: zaoju.RunResult, tmp_path: Path) -> None:
    page = with_log(finished.model.parent, tmp_path / "log", OLD_STEP, OLD_STEP.replace('"step": 1', '"step": 2'))
    assert "Norm of the gradient" not in page and "Memory" not in page and "utilisation" not in page
    assert "Learning rate" in page


def test_a_gradient_that_was_no_number_is_left_out(finished: zaoju.RunResult, tmp_path: Path) -> None:
    lines = [
        OLD_STEP.replace('"step": 1', f'"step": {number}').replace("}", f', "gradient_norm": {norm}}}')
        for number, norm in ((1, 0.5), (2, "NaN"), (3, "Infinity"), (4, 0.25))
    ]
    shown = Shown(with_log(finished.model.parent, tmp_path / "log", *lines))
    place = shown.texts.index("the numbers", shown.texts.index("Norm of the gradient, before clipping"))
    rows = shown.texts[place + 4 : place + 10]
    assert rows == ["norm", "10", "0.5", "norm", "10", "0.25"]


def test_the_page_tells_what_was_copied(finished: zaoju.RunResult) -> None:
    found = report_of(finished.model.parent)
    assert found.scores is not None
    texts_are_short = replace(found, scores=replace(found.scores, copied=Copied(0, 0)))
    assert "opied passages" not in render(training_page(texts_are_short))
    shown = Shown(render(training_page(replace(found, scores=replace(found.scores, copied=Copied(40, 10))))))
    assert shown.after("copied passages") == "25.0%"
    assert sum("word for word" in text for text in shown.texts) == 1
