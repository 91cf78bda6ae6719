"""Stopped and resumed in every combination: the same windows in the same order, and the same bits at the end.

Stopped once, twice and three times; in the middle of an epoch, at its edge, in the last step; with one pass a step and
two; with windows of both kinds; by both optimisers. Every stop is a crash or a wish to stop, in turn. A combination of
each pair of values here; all of them by `pytest -m slow tests/training/test_resume_matrix.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from final_state import final_state
from packed_corpus import make_run

from zaoju.contracts import Event, ModelPlan, TrainStep
from zaoju.errors import Cancelled
from zaoju.training import DocumentBatches, PackedBatches
from zaoju_builtin.trainers.lean import LeanTrainer
from zaoju_builtin.trainers.options import LeanOptions

STEPS = 12
EDGES = (3, 6, 9)
"""Six windows an epoch: after these steps it ends, with two windows a step as with four."""

STOPS = {
    "middle": ((2,), (2, 5), (2, 5, 8)),
    "edge": (EDGES[:1], EDGES[:2], EDGES),
    # A crash in the last step comes after it and before its checkpoint; then it is done again.
    "last": ((STEPS,), (STEPS, STEPS), (STEPS, STEPS, STEPS)),
}
NUMBERS = {"n_layer": 1, "n_embd": 16, "n_head": 2, "n_positions": 16, "resid_pdrop": 0.1, "attn_pdrop": 0.1}
# One window is a document of 2 to 12 tokens, or 7 tokens of the stream.
TOKENS, DOCUMENTS, WINDOW = 42, 6, {"packed": 7, "documents": 16}

Combination = tuple[int, str, int, str, str]
VALUES = ((1, 2, 3), tuple(STOPS), (1, 2), ("packed", "documents"), ("adamw", "muon"))
EVERY = list(product(*VALUES))


def covering() -> list[Combination]:
    """A few combinations that hold every pair of values."""
    missing = {pair for one in EVERY for pair in pairs(one)}
    chosen = []
    while missing:
        best = max(EVERY, key=lambda one: len(missing & pairs(one)))
        missing -= pairs(best)
        chosen.append(best)
    return chosen


def pairs(one: Combination) -> set[tuple[object, ...]]:
    return {(a, one[a], b, one[b]) for a in range(len(one)) for b in range(a)}


COVERING = covering()
CASES = [
    pytest.param(*one, marks=() if one in COVERING else pytest.mark.slow, id="-".join(map(str, one))) for one in EVERY
]


class Crash(BaseException):
    """Ends a training at once, as a signal would."""


class Seen:
    """Which windows each step was given, in the order in which the steps were done."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, str, tuple[tuple[int, ...], ...]]] = []
        self._windows: list[tuple[int, ...]] = []

    def windows(self, chosen: tuple[int, ...]) -> None:
        self._windows.append(chosen)

    def step(self, event: TrainStep) -> None:
        self.steps.append((event.step, event.loss.hex(), tuple(self._windows)))
        self._windows = []

    def without_repetition(self) -> list[tuple[int, str, tuple[tuple[int, ...], ...]]]:
        """Each step once: the one that counted, which is the last."""
        kept: dict[int, tuple[int, str, tuple[tuple[int, ...], ...]]] = {}
        for one in self.steps:
            kept = {step: other for step, other in kept.items() if step < one[0]}
            kept[one[0]] = one
        return list(kept.values())


@pytest.fixture(autouse=True)
def no_power_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for the disk takes most of the time otherwise."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """Which windows each batch takes, from now on."""
    from zaoju.training import batches

    seen = Seen()

    def watched(real: Callable[..., Iterable[int]]) -> Callable[..., object]:
        def choose(*given: object) -> object:
            chosen = real(*given)
            seen.windows(tuple(int(number) for number in chosen))
            return chosen

        return choose

    monkeypatch.setattr(batches, "windows_of_batch", watched(batches.windows_of_batch))
    monkeypatch.setattr(DocumentBatches, "_chosen", watched(DocumentBatches._chosen))
    return seen


def train(folder: Path, options: LeanOptions, seen: Seen, *, stop_after: int | None = None, crash: bool = True) -> None:
    """Train in `folder`, to the end or until a crash or a wish after a step."""

    def emit(event: Event) -> None:
        if not isinstance(event, TrainStep):
            return
        seen.step(event)
        if event.step == stop_after:
            if crash:
                raise Crash
            run.cancel.set()

    folder.mkdir(exist_ok=True)
    plan = ModelPlan("gpt2", NUMBERS, 40, 0)
    run = replace(make_run(folder, tokens=TOKENS + (options.windows == "packed"), documents=DOCUMENTS), model=plan)
    run = replace(run, emit=emit)
    if stop_after is None:
        LeanTrainer(options).train(run)
    else:
        with pytest.raises(Crash if crash else Cancelled):
            LeanTrainer(options).train(run)


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, str, str], tuple[dict[str, str], list[object]]]:
    """The final state and the steps of runs that nothing disturbs, each made when it is first asked for."""
    return {}


@pytest.mark.parametrize(("times", "where", "accumulate", "windows", "optimiser"), CASES)
def test_the_same_windows_and_the_same_end(
    times: int,
    where: str,
    accumulate: int,
    windows: str,
    optimiser: str,
    tmp_path: Path,
    seen: Seen,
    ends: dict[tuple[int, str, str], tuple[dict[str, str], list[object]]],
) -> None:
    options = LeanOptions(
        steps=STEPS,
        batch_size=2,
        learning_rate=0.01,
        evaluate_every=5,
        accumulate=accumulate,
        windows=windows,
        window=WINDOW[windows],
        optimiser=optimiser,
        checkpoint_every_seconds=1e-6,
    )
    kind = (accumulate, windows, optimiser)
    if kind not in ends:
        train(tmp_path / "unbroken", options, seen)
        assert [len(given) for _, _, given in seen.steps] == [accumulate] * STEPS
        assert {number for *_, given in seen.steps for batch in given for number in batch} == set(range(6))
        ends[kind] = final_state(tmp_path / "unbroken"), list(seen.steps)
        seen.steps.clear()
    for number, stop in enumerate(STOPS[where][times - 1]):
        train(tmp_path / "run", options, seen, stop_after=stop, crash=where == "last" or number % 2 == 0)
    train(tmp_path / "run", options, seen)
    state, steps = ends[kind]
    assert seen.without_repetition() == steps
    assert final_state(tmp_path / "run") == state


def test_the_edges_are_edges(tmp_path: Path) -> None:
    """Otherwise the combinations would not be what they are called."""
    from zaoju.tokenization import PackedTokens

    make_run(tmp_path / "packed", tokens=TOKENS + 1, documents=DOCUMENTS)
    make_run(tmp_path / "documents", tokens=TOKENS, documents=DOCUMENTS)
    packed = PackedBatches(PackedTokens.open(tmp_path / "packed" / "train"), window=7, batch_size=2, seed=3)
    documents = DocumentBatches(
        PackedTokens.open(tmp_path / "documents" / "train"), window=16, batch_size=2, end_of_text=0, seed=3
    )
    assert packed.windows == documents.windows == 6
    assert len(COVERING) < len(EVERY) // 4
