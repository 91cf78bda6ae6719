"""A loss or a gradient that is no number, and a loss that spikes: the run stops there, or goes on without that data."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from final_state import final_state
from packed_corpus import hashes
from trainer_cases import CASES, Case

from support.forked import in_child
from zaoju.contracts import CheckpointSaved, Event, Notice, TrainStep
from zaoju.errors import UserError
from zaoju.models import new_model
from zaoju.tokenization import PackedTokens
from zaoju.training import Counters, DocumentBatches, PackedBatches, read_counters
from zaoju_builtin.trainers.bad_losses import LossWatch
from zaoju_builtin.trainers.lean_loop import LeanLoop
from zaoju_builtin.trainers.transformers_loop import TransformersLoop

STEPS, BAD, PASSES = 24, 20, 2
"""The data of step 20, counted from 0, is bad: late enough for a spike to stand out."""

SHORT = {"steps": STEPS, "evaluate_every": 8, "learning_rate": 0.002, "checkpoint_every_seconds": 1000.0}


def nan_loss(loss: torch.Tensor, model: torch.nn.Module) -> torch.Tensor:
    return loss * float("nan")


def nan_gradient(loss: torch.Tensor, model: torch.nn.Module) -> torch.Tensor:
    """The loss is as it was; the derivative of the root at 0 is infinite."""
    trained = next(parameter for parameter in model.parameters() if parameter.requires_grad)
    return loss + (trained.sum() * 0).abs().sqrt()


def high_loss(loss: torch.Tensor, model: torch.nn.Module) -> torch.Tensor:
    return loss * 20


Spoil = Callable[[torch.Tensor, torch.nn.Module], torch.Tensor]


@dataclass
class Poison:
    """Makes the loss of some parts of the data bad, whenever they are read."""

    monkeypatch: pytest.MonkeyPatch

    def put(self, bad: set[int], spoil: Spoil) -> None:
        self._into_lean(bad, spoil)
        self._into_transformers(bad, spoil)

    def _into_lean(self, bad: set[int], spoil: Spoil) -> None:
        real_step = LeanLoop.step

        def step(loop: LeanLoop, data: int, rate: float, *, new_rows_alone: bool = False) -> object:
            real_loss = loop.model.loss
            if data in bad:
                loop.model.loss = lambda ids, targets: spoil(real_loss(ids, targets), loop.model)  # type: ignore[method-assign]
            try:
                return real_step(loop, data, rate, new_rows_alone=new_rows_alone)
            finally:
                loop.model.__dict__.pop("loss", None)

        self.monkeypatch.setattr(LeanLoop, "step", step)

    def _into_transformers(self, bad: set[int], spoil: Spoil) -> None:
        """There the loss is computed without a word of which step it is for, so its tokens are known again."""
        real_batch, real_loss = PackedBatches.batch, TransformersLoop.compute_loss
        given: dict[int, torch.Tensor] = {}

        def batch(batches: PackedBatches, index: int) -> tuple[torch.Tensor, torch.Tensor]:
            ids, targets = real_batch(batches, index)
            if index // PASSES in bad:
                given[ids.data_ptr()] = ids  # which is kept, so that no other lies there
            return ids, targets

        def compute_loss(loop: TransformersLoop, model: torch.nn.Module, inputs: dict[str, torch.Tensor], **named):  # noqa: ANN003, ANN202  # as upstream
            spoils = inputs["input_ids"].data_ptr() in given
            loss = real_loss(loop, model, inputs, **named)
            return spoil(loss, model) if spoils else loss

        self.monkeypatch.setattr(PackedBatches, "batch", batch)
        self.monkeypatch.setattr(TransformersLoop, "compute_loss", compute_loss)


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> Poison:
    return Poison(monkeypatch)


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def train(case: Case, folder: Path, base: Path, **options: object) -> list[Event]:
    events: list[Event] = []
    case.build(**{**SHORT, **options}).train(case.run(folder, events.append, first_in=base))
    return events


def notices(events: list[Event]) -> list[str]:
    return [event.message for event in events if isinstance(event, Notice) and "going back" in event.message]


def skipping(monkeypatch: pytest.MonkeyPatch, first: int, count: int) -> None:
    """What a rolled back run must come to: a run whose data never had these steps."""
    monkeypatch.setattr(Counters, "data_of", lambda counters, step: step + count * (step >= first))


@pytest.mark.parametrize(
    ("spoil", "options", "says"),
    [
        (nan_loss, {}, "the loss is nan"),
        (nan_gradient, {}, "the norm of the gradient is (nan|inf)"),
        (high_loss, {"spike": 10}, r"the loss spikes to \d+\.\d+, \d+\.\d deviations above"),
    ],
    ids=["nan", "gradient", "spike"],
)
def test_it_goes_back_and_leaves_the_data_out(
    case: Case,
    base: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Spoil,
    options: dict[str, object],
    says: str,
) -> None:
    """The end is that of a run which never had that data, to the last bit."""
    with monkeypatch.context() as patch:
        skipping(patch, BAD, 2)
        train(case, tmp_path / "expected", base, **options)
    with monkeypatch.context() as patch:
        Poison(patch).put({BAD}, spoil)
        events = train(case, tmp_path / "run", base, on_bad_loss="roll_back", skip_steps=2, **options)
    [notice] = notices(events)
    assert re.match(f"{says}.* in step {BAD + 1} of {STEPS} ", notice)
    assert f"(batches {2 * BAD} to {2 * BAD + 1}, with the documents 0 of the training text" in notice
    ends, expected = final_state(tmp_path / "run"), final_state(tmp_path / "expected")
    assert {name for name in ends if ends[name] != expected[name]} == {f"step-{STEPS:08d}/state.json"}
    assert hashes(tmp_path / "run" / "model") == hashes(tmp_path / "expected" / "model")
    last = tmp_path / "run" / "checkpoints" / f"step-{STEPS:08d}"
    assert read_counters(last).skipped == [[BAD, 2]]
    seen = [event.step for event in events if isinstance(event, TrainStep)]
    assert seen == [*range(1, BAD + 1), *range(1, STEPS + 1)], "no checkpoint but the first was due"


def test_without_the_data_left_out_the_end_is_another(case: Case, base: Path, tmp_path: Path) -> None:
    """The negative control of the comparison above."""
    folder = tmp_path / "poisoned"
    with pytest.MonkeyPatch.context() as patch:
        Poison(patch).put({BAD}, nan_loss)
        train(case, folder, base, on_bad_loss="roll_back")
    train(case, tmp_path / "plain", base)
    assert hashes(folder / "model") != hashes(tmp_path / "plain" / "model")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("every", [1e-6, 1000.0], ids=["after every step", "the first alone"])
@pytest.mark.parametrize(
    "background", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["", "in the background"]
)
def test_killed_while_it_goes_back_it_ends_the_same(
    case: Case, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: float, background: bool
) -> None:
    """Killed right after it has said so, and again some steps later; two parts of the data are bad."""
    Poison(monkeypatch).put({6, 9}, nan_gradient)
    options = {**SHORT, "steps": 12, "on_bad_loss": "roll_back", "checkpoint_every_seconds": every}
    options["save_in_background"] = background
    train(case, tmp_path / "unbroken", base, **options)

    def dying(after: str) -> None:
        def emit(event: Event) -> None:
            if after in str(event):
                os.kill(os.getpid(), signal.SIGKILL)

        case.build(**options).train(case.run(tmp_path / "run", emit, first_in=base))

    case.run(tmp_path / "run", first_in=base)
    for after in ("number 1 of at most 10", "TrainStep(step=8,", "number 2 of at most 10", "TrainStep(step=11,"):
        assert in_child(lambda after=after: dying(after)) == -signal.SIGKILL
    train(case, tmp_path / "run", base, **options)
    assert final_state(tmp_path / "run") == final_state(tmp_path / "unbroken")


@pytest.mark.parametrize("report_every", [1, 10])
def test_a_look_at_every_tenth_loss_finds_the_same(
    base: Path, case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, report_every: int
) -> None:
    """As on a GPU: losses are read together, no checkpoint or best model holds a lost one, and the end is the same."""
    for module in ("lean_progress", "transformers_progress"):
        monkeypatch.setattr(f"zaoju_builtin.trainers.{module}.steps_between_reports", lambda device: report_every)
    Poison(monkeypatch).put({5}, nan_loss)
    events = train(case, tmp_path / "run", base, on_bad_loss="roll_back", evaluate_every=7, spike=50)
    assert f"in step 6 of {STEPS}" in notices(events)[0]
    skipping(monkeypatch, 5, 1)
    train(case, tmp_path / "expected", base, evaluate_every=7, spike=50)
    assert hashes(tmp_path / "run" / "model") == hashes(tmp_path / "expected" / "model")


def test_it_stops_where_it_is_not_told_to_go_back(case: Case, base: Path, tmp_path: Path, poison: Poison) -> None:
    poison.put({BAD}, nan_gradient)
    says = (
        rf"the norm of the gradient is (nan|inf) in step {BAD + 1} of {STEPS} \(batches 40 to 41, with the documents 0 "
    )
    with pytest.raises(UserError, match=f"{says}.*learning_rate below.*on_bad_loss to roll_back"):
        train(case, tmp_path / "run", base, checkpoint_every_seconds=1e-6)
    assert max(int(path.name[5:]) for path in (tmp_path / "run" / "checkpoints").glob("step-*")) == BAD
    assert not (tmp_path / "run" / "model").exists()
    events = train(case, tmp_path / "run", base, on_bad_loss="roll_back")
    assert notices(events), "the run may be told to go back when it has stopped"
    assert (tmp_path / "run" / "model").is_dir()


def test_it_does_not_go_back_for_ever(case: Case, base: Path, tmp_path: Path, poison: Poison) -> None:
    poison.put(set(range(8, 100)), nan_loss)
    events: list[Event] = []
    run = case.run(tmp_path / "run", events.append, first_in=base)
    with pytest.raises(UserError, match=r"the loss is nan in step 9 .*taken back 3 times, which is .*most_roll_backs"):
        case.build(**SHORT, on_bad_loss="roll_back", most_roll_backs=3).train(run)
    assert len(notices(events)) == 3
    assert {event.step for event in events if isinstance(event, CheckpointSaved)} == {0}


def test_a_spike_is_measured_against_the_last_good_losses() -> None:
    watch = LossWatch(6.0, [])
    calm = [3.0 + 0.1 * (number % 3) for number in range(40)]
    assert not any(watch.find_fault(loss, 1.0) for loss in calm)
    assert watch.find_fault(5.0, 1.0).startswith("the loss spikes to 5.000, ")
    assert watch.recent == calm, "a spike is no measure for the next one"
    assert LossWatch(6.0, watch.recent).find_fault(5.0, 1.0) == watch.find_fault(5.0, 1.0)
    assert not watch.find_fault(3.5, 1.0)
    assert not watch.find_fault(1.0, 1.0)
    assert not LossWatch(6.0, calm[:15]).find_fault(50.0, 1.0), "too few to compare with"
    assert not LossWatch(None, calm).find_fault(50.0, 1.0)
    assert LossWatch(None, []).find_fault(1.0, float("inf")) == "the norm of the gradient is inf"


def test_data_that_is_left_out_moves_what_comes_after() -> None:
    counters = Counters(0, 9, 0, {}, skipped=[(2, 1), (5, 3)])
    assert [counters.data_of(step) for step in range(7)] == [0, 1, 3, 4, 8, 9, 10]
    assert Counters(0, 9, 0, {}).data_of(5) == 5


def test_batches_name_their_documents() -> None:
    """By the tokens that are really in them."""
    import numpy as np

    ends = np.asarray([3, 10, 11, 30], dtype=np.uint64)
    document_of = np.repeat(np.arange(4), [3, 7, 1, 19])
    packed = PackedTokens(np.arange(30, dtype=np.uint16), ends, "none", 30)
    cut = PackedBatches(packed, window=4, batch_size=2, seed=1)
    for index in range(8):
        ids, targets = cut.batch(index)
        assert cut.documents(index) == sorted({int(document_of[i]) for i in [*ids.flatten(), *targets.flatten()]})
    whole = DocumentBatches(packed, window=4, batch_size=2, end_of_text=0, seed=1)
    for index in range(8):
        _, targets = whole.batch(index)
        assert whole.documents(index) == sorted({int(document_of[i]) for i in targets[targets >= 0]})


def test_the_first_model_may_be_lost_already(tmp_path: Path) -> None:
    """Then no data is to blame, and it ends."""
    case = CASES["lean"]
    run = case.run(tmp_path / "run")
    model = new_model(run.model, 1)
    with torch.no_grad():
        next(iter(model.parameters())).fill_(float("nan"))
    model.save(tmp_path / "lost")
    from dataclasses import replace

    lost = replace(run, model=replace(run.model, init_from=tmp_path / "lost"))
    with pytest.raises(UserError, match="taken back 2 times"):
        case.build(on_bad_loss="roll_back", most_roll_backs=2).train(lost)
