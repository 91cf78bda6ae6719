"""Memory that is too short for a step: a proposal that fits and learns the same, and `batch_size: auto`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from final_state import final_state
from packed_corpus import make_run
from pydantic import ValidationError
from trainer_cases import CASES, Case

from zaoju.contracts import Event, Notice, TrainStep
from zaoju.errors import UserError
from zaoju.models import GPT2, is_out_of_memory, memory
from zaoju.training import estimate_memory, read_counters
from zaoju_builtin.trainers.fitting import choose_size
from zaoju_builtin.trainers.lean import LeanTrainer
from zaoju_builtin.trainers.options import LeanOptions, TransformersOptions

WINDOWS = 120

ERRORS = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:121] data. DefaultCPUAllocator: not enough memory: you tried to"),
]

FITS = "zaoju_builtin.trainers.fitting.free_memory"


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def thousand_a_token(model: torch.nn.Module, tokens: int, **how: bool) -> int:
    """What a step takes beside the weights, in numbers that can be worked out in the head."""
    averages = 4000 * 16 if how["averages"] else 0
    return 4 * sum(parameter.numel() for parameter in model.parameters()) + 1000 * tokens + averages


@pytest.mark.parametrize("error", ERRORS, ids=["python", "cuda", "cpu", "cpu of old"])
def test_the_error_proposes_what_learns_from_as_many_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: Case, error: Exception
) -> None:
    def loss(*given: object, **named: object) -> torch.Tensor:
        raise error

    run = case.run(tmp_path)
    trainer = case.build(batch_size=24, accumulate=2)
    monkeypatch.setattr(GPT2, "loss", loss)
    monkeypatch.setattr("zaoju.models.TransformersLM.loss", loss)
    monkeypatch.setattr("zaoju_builtin.trainers.transformers_loop.TransformersLoop.compute_loss", loss)
    monkeypatch.setattr(FITS, lambda device, swap: None)
    for work in (trainer.preflight, trainer.train):
        with pytest.raises(UserError, match="ran out with batch_size: 24 and windows of 16 tokens") as raised:
            work(run)
        assert "Set trainer.batch_size to 16 and trainer.accumulate to 3: a step" in str(raised.value)
        assert raised.value.__cause__ is error


def test_other_errors_stay_what_they_are() -> None:
    assert all(is_out_of_memory(error) for error in ERRORS)
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(OSError(28, "No space left on device"))
    assert is_out_of_memory(OSError(12, "Cannot allocate memory"))


def test_what_will_not_fit_is_refused_before_it_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path)
    monkeypatch.setattr("zaoju_builtin.trainers.fitting.estimate_memory", thousand_a_token)
    monkeypatch.setattr(FITS, lambda device, swap: 1.16 * 8 * 16 * 1000)
    options = LeanOptions(steps=2, batch_size=60, accumulate=2)
    with pytest.raises(
        UserError, match=r"a step needs about \d+ MiB of memory, and there are \d+ MiB\. Set "
    ) as raised:
        LeanTrainer(options).preflight(run)
    found = re.search(r"batch_size to (\d+) and trainer.accumulate to (\d+)", str(raised.value))
    assert found is not None
    assert (int(found[1]), int(found[2])) == (8, 15)
    # Averages of the weights, which here take as much as 4 windows, leave less room.
    with pytest.raises(UserError, match=r"Set trainer.batch_size to 4 "):
        LeanTrainer(options.model_copy(update={"ema": 0.9})).preflight(run)
    LeanTrainer(LeanOptions(steps=2, batch_size=8, accumulate=15)).train(run)
    monkeypatch.setattr(FITS, lambda device, swap: 1000)
    with pytest.raises(UserError, match=r"Not even one window fits. Take a smaller model or a shorter trainer.window"):
        LeanTrainer(options).preflight(run)


def in_little_memory(folder: Path, *arguments: str, threads: int = 1) -> str:
    """Train in a process with a real limit; the error, or nothing where it has trained."""
    script = Path(__file__).with_name("run_in_little_memory.py")
    places = [str(script.parent), *filter(None, sys.path)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": os.pathsep.join(places)}
    command = [sys.executable, str(script), str(folder), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("threads", [1, 2])
def test_what_is_proposed_fits(tmp_path: Path, threads: int) -> None:
    """The first time, in a process whose address space is limited; the model has dropout, which takes memory too."""
    says = in_little_memory(tmp_path / "refused", str(WINDOWS), "1", threads=threads)
    assert "a step needs about" in says
    found = re.search(r"batch_size to (\d+) and trainer.accumulate to (\d+)", says)
    assert found is not None, says
    assert int(found[1]) * int(found[2]) == WINDOWS
    assert in_little_memory(tmp_path / "proposed", found[1], found[2], threads=threads) == ""
    assert (tmp_path / "proposed" / "model").is_dir()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_that_runs_out_is_told(tmp_path: Path) -> None:
    """What is refused beforehand would really not have fitted."""
    assert f"memory ran out with batch_size: {WINDOWS}" in in_little_memory(tmp_path, str(WINDOWS), "1", "met")


def test_threads_to_come_take_address_space(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_of_process", lambda: 10**9)
    monkeypatch.setattr(memory, "_text", lambda path: "Name:\tpython\nThreads:\t2\n")
    for threads, taken in ((1, 0), (2, 0), (5, 3 * 72 * 2**20), (100, 10**9)):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        assert memory.free_address_space() == 10**9 - taken
    monkeypatch.setattr(memory, "_of_process", lambda: None)
    assert memory.free_address_space() is None


def test_arguments_that_change_what_a_step_takes_are_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The estimate is that of the default arguments, so with others nothing is refused by it."""
    case = CASES["transformers"]
    monkeypatch.setattr(FITS, lambda device, swap: 1000)
    with pytest.raises(UserError, match="a step needs about"):
        case.build(arguments={"report_to": "none"}).preflight(case.run(tmp_path))
    assert case.build(arguments={"optim": "sgd"}).preflight(case.run(tmp_path)).steps == 12


def test_the_largest_of_the_fastest_is_taken() -> None:
    assert choose_size({1: 50.0, 2: 90.0, 4: 100.0, 8: 98.0, 16: 80.0}) == 8
    assert choose_size({1: 50.0}) == 1
    assert choose_size({1: 50.0, 2: 50.0, 4: 50.0}) == 4


def test_auto_finds_what_fits_and_keeps_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    """What was found is in the checkpoint: the run goes on with it where memory is another, and to the same end."""
    values = {"batch_size": "auto", "accumulate": 1, "windows_per_step": 12}
    monkeypatch.setattr(
        "zaoju_builtin.trainers.fitting._tokens_per_second", lambda loop: float(loop.batches.batch_size)
    )
    folder = tmp_path / "run"
    events: list[Event] = []

    def emit(event: Event) -> None:
        events.append(event)
        if isinstance(event, TrainStep) and event.step == 5:
            run.cancel.set()

    run = case.run(folder, emit, first_in=tmp_path)
    monkeypatch.setattr(FITS, lambda device, swap: 10**12)
    real = estimate_memory

    def estimate(model: object, tokens: int, **how: bool) -> int:
        return real(model, tokens, **how) if tokens <= 4 * 16 else 10**13  # type: ignore[arg-type]

    monkeypatch.setattr("zaoju_builtin.trainers.fitting.estimate_memory", estimate)
    trainer = case.build(**values)
    assert trainer.preflight(run).tokens_per_step == 12 * 16
    with pytest.raises(Exception, match="stopped after step 5"):
        trainer.train(run)
    told = [event.message for event in events if isinstance(event, Notice) and "auto" in event.message]
    assert len(told) == 1, "it is found once"
    assert "batch_size: 4 and accumulate: 3" in told[0]
    assert "larger ones do not fit" in told[0]
    monkeypatch.setattr("zaoju_builtin.trainers.fitting.estimate_memory", real)
    case.build(**values).train(case.run(folder, events.append, first_in=tmp_path))
    identity = read_counters(folder / "checkpoints" / "step-00000012").identity
    assert (identity["batch_size"], identity["accumulate"]) == (4, 3)
    given = case.run(tmp_path / "given", first_in=tmp_path)
    case.build(batch_size=4, accumulate=3).train(given)
    assert final_state(folder) == final_state(tmp_path / "given")


def test_auto_by_the_clock(tmp_path: Path) -> None:
    """Without any limit, with real times."""
    events: list[Event] = []
    run = make_run(tmp_path, emit=events.append)
    options = LeanOptions(steps=2, batch_size="auto", windows_per_step=6)
    LeanTrainer(options).train(run)
    [told] = [event.message for event in events if isinstance(event, Notice)]
    assert re.search(r"by size: 1: [\d,]+, 2: [\d,]+, 3: [\d,]+, 6: [\d,]+$", told)
    assert {event.tokens for event in events if isinstance(event, TrainStep)} == {6 * 16, 2 * 6 * 16}


def test_options() -> None:
    with pytest.raises(ValidationError, match="chooses accumulate too"):
        LeanOptions(batch_size="auto", accumulate=2)
    with pytest.raises(ValidationError, match="windows_per_step is for batch_size: auto"):
        LeanOptions(batch_size=4, windows_per_step=8)
    assert TransformersOptions(batch_size="auto", windows_per_step=8).windows_per_step == 8
    with pytest.raises(ValidationError):
        LeanOptions(batch_size=0)
