"""The loss as compiled code: the same training, told from one that is not, and chosen where it pays."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from commands import Project, command, new_project, output
from final_state import final_state
from packed_corpus import NUMBERS, VOCABULARY, write_packed
from pydantic import ValidationError
from trainer_cases import CASES

from zaoju.contracts import Event, ModelPlan, TrainStep
from zaoju.errors import Cancelled, UserError
from zaoju.models import GPT2, CausalLM, GPT2Config, TransformersLM
from zaoju.tokenization import PackedTokens
from zaoju.training import Batches, DocumentBatches, PackedBatches, load_model_state
from zaoju.training.state import other_environment
from zaoju_builtin.trainers import compiling
from zaoju_builtin.trainers.compiling import is_compiled
from zaoju_builtin.trainers.options import LeanOptions

OPTIONS = {"steps": 6, "checkpoint_every_seconds": 1e-6}


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What `torch.compile` was asked for."""
    asked: list[object] = []
    real = torch.compile

    def noting(function: Callable[..., object], **options: object) -> object:
        asked.append(function)
        return real(function, **options)  # type: ignore[call-overload]  # whatever the trainer gives

    monkeypatch.setattr(torch, "compile", noting)
    return asked


def losses(name: str, folder: Path, base: Path, **options: object) -> list[float]:
    """Of a training without dropout, whose draws compiled code makes in another order."""
    events: list[Event] = []
    numbers = {**NUMBERS, "resid_pdrop": 0.0, "attn_pdrop": 0.0, "embd_pdrop": 0.0}
    plan = ModelPlan("gpt2", numbers, VOCABULARY, 0)
    run = CASES[name].run(folder, events.append, plan, first_in=base)
    changes = {"dropout": 0.0} if name == "lora" else {}
    CASES[name].build(**OPTIONS, **changes, **options).train(run)
    return [event.loss for event in events if isinstance(event, TrainStep)]


@pytest.mark.parametrize("name", ["lean", "lora"])
def test_it_learns_the_same(name: str, tmp_path: Path, compilations: list[object]) -> None:
    plain = losses(name, tmp_path / "plain", tmp_path)
    assert not compilations, "on a CPU auto compiles nothing"
    compiled = losses(name, tmp_path / "compiled", tmp_path, compile=True)
    assert len(compilations) == 1
    assert compiled == pytest.approx(plain, abs=1e-4) and len(plain) == 6
    assert compiled[-1] < compiled[0]


def stop_after(step: int, folder: Path, **options: object) -> None:
    def emit(event: Event) -> None:
        if isinstance(event, TrainStep) and event.step == step:
            run.cancel.set()

    run = CASES["lean"].run(folder, emit)
    with pytest.raises(Cancelled):
        CASES["lean"].build(**OPTIONS, **options).train(run)


def test_it_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    CASES["lean"].build(**OPTIONS, compile=True).train(CASES["lean"].run(tmp_path / "unbroken"))
    stop_after(3, tmp_path / "stopped", compile=True)
    CASES["lean"].build(**OPTIONS, compile=True).train(CASES["lean"].run(tmp_path / "stopped"))
    assert final_state(tmp_path / "stopped") == final_state(tmp_path / "unbroken")


def test_going_on_without_it_is_told_of(tmp_path: Path) -> None:
    stop_after(3, tmp_path, compile=True)
    with pytest.raises(UserError, match=r"processes: 1, compiled then, 1 now.*--inexact"):
        CASES["lean"].build(**OPTIONS).train(CASES["lean"].run(tmp_path))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return new_project(tmp_path_factory.mktemp("project"))


def test_a_machine_that_cannot_compile_says_so(project: Project, tmp_path: Path) -> None:
    folder = project.copy(tmp_path / "project")

    def no_compiler() -> None:
        # What was compiled before is found by the hash of its source.
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(tmp_path / "cache")
        from torch._inductor import config

        config.cpp.cxx = (None, "/nonexistent/c++")
        config.force_disable_caches = True

    assert command(folder, "train", "--set", "trainer.compile=true", before=no_compiler) == 2
    said = " ".join(output(folder).split())
    assert "cannot be compiled on this machine" in said and "set trainer.compile to false" in said
    assert "Traceback" not in said
    assert command(folder, "train") == 0, "the folder is as usable as before"


def small() -> CausalLM:
    return GPT2(GPT2Config.from_numbers({**NUMBERS, "vocab_size": VOCABULARY}))


LONG = {"minutes": 3.0}


@pytest.mark.parametrize(
    ("expected", "device", "options", "what"),
    [
        (True, "cuda", LONG, "a long run on a GPU"),
        (False, "cpu", LONG, "a CPU"),
        (True, "cpu", {**LONG, "compile": True}, "whatever is asked for"),
        (False, "cuda", {**LONG, "compile": False}, "whatever is asked for"),
        (False, "cuda", {"minutes": 2.9}, "a short run"),
        (False, "cuda", {"steps": 100}, "few steps of a small model"),
        (True, "cuda", {"steps": 10**10}, "steps without end"),
        (False, "cuda", {"epochs": 1.0}, "a small corpus"),
        (True, "cuda", {"epochs": 1e9}, "epochs without end"),
        (False, "cuda", {**LONG, "sharding": "zero3"}, "weights that are gathered layer by layer"),
    ],
)
def test_auto_compiles_where_it_pays(
    expected: bool, device: str, options: dict[str, object], what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "find_spec", lambda name: object())
    tokens = PackedTokens.open(write_packed(tmp_path / "packed", 500, documents=3))
    batches: Batches = PackedBatches(tokens, window=16, batch_size=4, seed=0)
    given = LeanOptions.model_validate({"batch_size": 4, **options})
    assert is_compiled(given, small(), batches, device) is expected, what


def test_auto_compiles_nothing_that_it_does_not_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = PackedTokens.open(write_packed(tmp_path / "packed", 500, documents=3))
    windows = PackedBatches(tokens, window=16, batch_size=4, seed=0)
    documents = DocumentBatches(tokens, window=16, batch_size=4, end_of_text=0, seed=0)
    other = TransformersLM.from_numbers("gpt2", {**NUMBERS, "vocab_size": VOCABULARY})
    long = LeanOptions.model_validate({"batch_size": 4, **LONG})
    monkeypatch.setattr(compiling, "find_spec", lambda name: object())
    assert is_compiled(long, small(), windows, "cuda")
    assert not is_compiled(long, other, windows, "cuda")
    assert not is_compiled(long, small(), documents, "cuda")
    monkeypatch.setattr(compiling, "find_spec", lambda name: None)
    assert not is_compiled(long, small(), windows, "cuda"), "there is no Triton"


def test_sizes_that_are_only_tried_are_not_compiled(tmp_path: Path, compilations: list[object]) -> None:
    run = CASES["lean"].run(tmp_path)
    CASES["lean"].build(steps=None, minutes=10, batch_size=None, compile=True).preflight(run)
    assert len(compilations) == 1, "the loop that is timed for the number of steps"


def test_divided_weights_are_not_compiled() -> None:
    with pytest.raises(ValidationError, match=r"sharding: zero3 gathers the weights.*set compile to auto or false"):
        LeanOptions.model_validate({"sharding": "zero3", "compile": True})


def test_nothing_is_noted_of_a_plain_loop(tmp_path: Path) -> None:
    """So checkpoints of older versions go on."""
    stop_after(2, tmp_path)
    (newest,) = (tmp_path / "checkpoints").glob("step-*2")
    assert other_environment(newest, load_model_state(newest, "cpu")) == []
