"""Trackers in a run: TensorBoard's own reader finds what happened, and no tracker can end a training."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

import zaoju
from support.small_run import small_config
from zaoju import Event, Options, TrackedTraining, Tracker, UserError
from zaoju.contracts import HeldOutScored, Notice, SampleWritten, TrainStep
from zaoju.files import hash_file
from zaoju.pipeline.token_length import characters_per_token
from zaoju.pipeline.tracking import tracking
from zaoju.pipeline.training_log import read_training_log
from zaoju.plugins import ResolvedComponent


def read(run: Path) -> EventAccumulator:
    """What TensorBoard sees of the only training in a run."""
    (folder,) = (run / "trackers" / "tensorboard").iterdir()
    everything = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    everything.Reload()
    return everything


def scalars(seen: EventAccumulator, name: str) -> dict[int, float]:
    events = seen.Scalars(name)
    values = {event.step: event.value for event in events}
    assert len(values) == len(events), "a step came twice"
    return values


def test_tensorboard_reads_what_happened(tmp_path: Path, finished: zaoju.RunResult) -> None:
    run = tmp_path / "run"
    model = zaoju.train(small_config(run, trackers=["tensorboard"]))
    seen, log = read(run), [one.event for one in read_training_log(model.parent / "training.jsonl")]
    steps = {event.step: event for event in log if isinstance(event, TrainStep)}
    (prepared,), (encoded,) = run.glob("stages/prepare-*"), run.glob("stages/encode-*")
    per_token = characters_per_token(prepared, encoded)
    for name, of in {
        "train/loss": lambda step: step.loss,
        "train/bits_per_character": lambda step: step.loss / 0.6931471805599453 / per_token,
        "train/learning_rate": lambda step: step.learning_rate,
        "train/gradient_norm": lambda step: step.gradient_norm,
        "machine/tokens_per_second": lambda step: step.tokens_per_second,
        "machine/peak_memory_bytes": lambda step: step.peak_memory,
        "machine/flops_utilisation": lambda step: step.flops_utilisation,
    }.items():
        assert scalars(seen, name) == pytest.approx({step: of(event) for step, event in steps.items()}, rel=1e-6)
    looks = {event.step: event.bits_per_character for event in log if isinstance(event, HeldOutScored)}
    assert scalars(seen, "held_out/bits_per_character") == pytest.approx(looks, rel=1e-6)
    texts = {one.step: one.tensor_proto.string_val[0].decode() for one in seen.Tensors("samples/text_summary")}
    assert texts == {event.step: f"{event.prompt}│{event.text}" for event in log if isinstance(event, SampleWritten)}
    assert len(steps) == 12 and len(looks) == len(texts) == 2
    assert hash_file(model / "model.safetensors") == hash_file(finished.model / "model.safetensors"), "it disturbs"


def test_a_training_that_went_on_is_read_once(tmp_path: Path) -> None:
    config = small_config(tmp_path / "run", trackers=["tensorboard"])

    def fail(event: Event) -> None:
        if isinstance(event, TrainStep) and event.step == 8:
            raise RuntimeError("the power is gone")

    with pytest.raises(RuntimeError, match="power"):
        zaoju.train(config, on_event=fail)
    zaoju.train(config)
    assert list(scalars(read(tmp_path / "run"), "train/loss")) == list(range(1, 13))
    written: Counter[int] = Counter()
    for path in (tmp_path / "run").glob("trackers/tensorboard/*/events*"):
        for record in EventFileLoader(str(path)).Load():
            written.update(record.step for value in record.summary.value if value.tag == "train/loss")
    assert written[3] == 2, "the files have it twice, and the reader is told to forget the first"


def test_trackers_change_no_stage(finished: zaoju.RunResult) -> None:
    config = small_config(finished.model.parent, trackers=["tensorboard"])
    assert all(stage.state == "done" for stage in zaoju.status(config))


def test_without_tensorboard_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(UserError, match=r"trackers\.0: .*not installed.*pip install 'zaoju\[tensorboard\]'"):
        zaoju.run(small_config(tmp_path / "run", trackers=["tensorboard"]))
    assert not (tmp_path / "run").exists()


class Listening(Tracker[Options]):
    """Writes the kinds of events into its folder."""

    def begin(self, training: TrackedTraining) -> None:
        self.path = training.folder / "heard.txt"
        self.path.write_text(f"{training.name} {training.config} {training.bits_per_character(1.0):.2f}\n", "utf-8")

    def report(self, event: Event) -> None:
        self.tell(type(event).__name__)

    def tell(self, line: str) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    def end(self) -> None:
        self.tell("end")


class Failing(Listening):
    def report(self, event: Event) -> None:
        super().report(event)
        raise OSError("no room")

    def end(self) -> None:
        self.tell("end")
        raise OSError("still no room")


class Refusing(Listening):
    def begin(self, training: TrackedTraining) -> None:
        raise UserError("name a server")


class Broken(Listening):
    def begin(self, training: TrackedTraining) -> None:
        raise ZeroDivisionError("division by zero")


class EndingBadly(Listening):
    def end(self) -> None:
        raise OSError("no room")


def component(tracker: type[Tracker[Options]]) -> ResolvedComponent:
    target = f"{__name__}:{tracker.__name__}"
    return ResolvedComponent("tracker", tracker.__name__, "a-package", "1.0", target, None, {})


def track(run: Path, *trackers: type[Tracker[Options]]) -> tuple[list[Event], dict[str, list[str]]]:
    """What the caller and what each tracker hears of a training of two events."""
    told: list[Event] = []
    with tracking([*map(component, trackers)], run, "abc", {"seed": 1}, 2.0, told.append) as emit:
        emit(HeldOutScored(1, 2.0))
        emit(HeldOutScored(2, 1.0))
    return told, {path.parts[-3]: path.read_text("utf-8").splitlines() for path in run.rglob("heard.txt")}


def notices(events: list[Event]) -> Iterator[str]:
    yield from (event.message for event in events if isinstance(event, Notice))


def test_a_tracker_hears_all_from_beginning_to_end(tmp_path: Path) -> None:
    told, heard = track(tmp_path / "poems", Listening)
    assert told == [HeldOutScored(1, 2.0), HeldOutScored(2, 1.0)]
    assert heard == {"Listening": ["poems abc {'seed': 1} 0.72", "HeldOutScored", "HeldOutScored", "end"]}
    assert (tmp_path / "poems" / "trackers" / "Listening" / "abc").is_dir()


def test_a_tracker_that_fails_is_left_out_and_told_of(tmp_path: Path) -> None:
    told, heard = track(tmp_path / "poems", Failing, Listening)
    (notice,) = notices(told)
    assert notice == "tracker 'Failing' of a-package failed: OSError: no room; the training goes on without it"
    assert heard["Failing"][1:] == ["HeldOutScored", "end"]
    assert heard["Listening"][1:] == ["HeldOutScored", "HeldOutScored", "end"]


def test_a_tracker_that_fails_at_the_end_is_told_of(tmp_path: Path) -> None:
    (notice,) = notices(track(tmp_path / "poems", EndingBadly)[0])
    assert notice.startswith("tracker 'EndingBadly' of a-package failed at the end: OSError: no room; ")


@pytest.mark.parametrize(
    ("tracker", "says"),
    [(Refusing, "^name a server$"), (Broken, "tracker 'Broken' of a-package cannot begin: ZeroDivisionError: divis")],
)
def test_a_tracker_that_cannot_begin_is_an_error(tmp_path: Path, tracker: type[Tracker[Options]], says: str) -> None:
    with pytest.raises(UserError, match=says):
        track(tmp_path / "poems", Listening, tracker)
    heard = next(tmp_path.rglob("heard.txt")).read_text("utf-8").splitlines()
    assert heard[1:] == ["end"], "those that had begun have ended"


def test_trackers_end_where_the_training_fails(tmp_path: Path) -> None:
    def fail(event: Event) -> None:
        raise RuntimeError("stop")

    with (
        pytest.raises(RuntimeError, match="stop"),
        tracking([component(Listening)], tmp_path, "abc", {}, 2.0, fail) as emit,
    ):
        emit(HeldOutScored(1, 2.0))
    assert next(tmp_path.rglob("heard.txt")).read_text("utf-8").splitlines()[1:] == ["end"]
