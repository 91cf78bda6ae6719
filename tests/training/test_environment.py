"""What rounding depends on is written into every checkpoint, and a difference is refused unless it is allowed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from dying_runs import OPTIONS
from packed_corpus import make_run
from trainer_cases import CASES

from zaoju.contracts import Event, Notice, TrainStep
from zaoju.errors import Cancelled, UserError
from zaoju.models import CausalLM
from zaoju.training import any_algorithms, deterministic
from zaoju.training.environment import describe_environment, environment_differences
from zaoju_builtin.trainers.lean import LeanTrainer

Patch = pytest.MonkeyPatch


def another_version_of(package: str) -> Callable[[Patch], None]:
    def patch(patch: Patch) -> None:
        from zaoju.training import environment

        real = environment.version
        patch.setattr(environment, "version", lambda name: "0.0" if name == package else real(name))

    return patch


def two_processes(patch: Patch) -> None:
    patch.setattr("zaoju.training.environment.count_processes", lambda: 2)


DIFFERENCES: dict[str, Callable[[Patch], None]] = {
    "zaoju: .* then, 0.0 now": another_version_of("zaoju"),
    "torch: .* then, 9.9.9 now": lambda patch: patch.setattr(torch, "__version__", "9.9.9"),
    "processes: 1 then, 2 now": two_processes,
    "threads: 1 then, 77 now": lambda patch: patch.setattr(torch, "get_num_threads", lambda: 77),
    "device name: .* then, abacus now": lambda patch: patch.setattr(
        "zaoju.training.environment._device_name", lambda device: "abacus"
    ),
    "machine: .* then, abacus now": lambda patch: patch.setattr("platform.machine", lambda: "abacus"),
    "CPU instructions: .* then, beads now": lambda patch: patch.setattr(
        torch.backends.cpu, "get_cpu_capability", lambda: "beads"
    ),
    "deterministic: False then, True now": lambda patch: patch.setattr(
        torch, "are_deterministic_algorithms_enabled", lambda: True
    ),
    "precision of matrices: highest then, medium now": lambda patch: patch.setattr(
        torch, "get_float32_matmul_precision", lambda: "medium"
    ),
}
OF_TRANSFORMERS = {"transformers: .* then, 0.0 now": another_version_of("transformers")}
OF_PEFT = {**OF_TRANSFORMERS, "peft: .* then, 0.0 now": another_version_of("peft")}
OF_TRAINER = {"lean": DIFFERENCES, "lora": OF_PEFT, "transformers": OF_TRANSFORMERS}
TABLE = [(name, told) for name, differences in OF_TRAINER.items() for told in differences]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A folder with a training of a trainer that was stopped after two steps of four."""
    folders: dict[str, Path] = {}

    def folder_of(name: str) -> Path:
        if name not in folders:
            folders[name] = folder = tmp_path_factory.mktemp(name)

            def emit(event: Event) -> None:
                if isinstance(event, TrainStep) and event.step == 2:
                    run.cancel.set()

            run = CASES[name].run(folder, emit)
            with pytest.raises(Cancelled):
                CASES[name].build(**OPTIONS).train(run)
        return folders[name]

    return folder_of


@pytest.mark.parametrize(("name", "told"), TABLE)
def test_each_difference_is_refused(
    name: str, told: str, stopped: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[name]
    run = case.run(stopped(name))
    OF_TRAINER[name][told](monkeypatch)
    with pytest.raises(UserError, match=rf"was made in another environment \({told}\), .* go on .* with --inexact"):
        case.build(**OPTIONS).train(run)


def test_all_differences_are_listed_and_allowed_together(
    stopped: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, events = CASES["lean"], list[Event]()
    run = case.run(shutil.copytree(stopped("lean"), tmp_path / "run"), events.append)
    for told in ("torch: .* then, 9.9.9 now", "machine: .* then, abacus now", "processes: 1 then, 2 now"):
        DIFFERENCES[told](monkeypatch)
    with pytest.raises(UserError, match=r"\(torch: .* now; processes: 1 then, 2 now; machine: .* abacus now\)"):
        case.build(**OPTIONS).train(run)
    case.build(**OPTIONS).train(replace(run, inexact=True))
    (notice,) = [event.message for event in events if isinstance(event, Notice) and "environment" in event.message]
    assert "processes: 1 then, 2 now" in notice and "not bit for bit" in notice
    assert run.artefact.is_dir()


def test_everything_is_noted(tmp_path: Path) -> None:
    model = CASES["lean"].build(**OPTIONS).first_model(make_run(tmp_path))
    noted = describe_environment(model)
    assert set(noted) == {told.partition(":")[0] for told in DIFFERENCES} | {"device"}
    assert (noted["device"], noted["processes"], noted["threads"]) == ("cpu", "1", "1")
    assert environment_differences(noted, noted) == []


def test_what_an_older_version_did_not_note_is_a_difference() -> None:
    then, now = {"torch": "2"}, {"torch": "2", "processes": "1"}
    assert environment_differences(then, now) == ["processes: not noted then, 1 now"]
    assert environment_differences(now, then) == ["processes: 1 then, not noted now"]


@pytest.fixture
def as_before() -> Iterator[None]:
    """Whatever a test sets goes back."""
    mode, warns = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    yield
    torch.use_deterministic_algorithms(mode, warn_only=warns)


def settings() -> tuple[bool, bool, bool, str | None]:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.backends.cudnn.benchmark,
        os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
    )


def test_deterministic_is_set_for_the_block_only(monkeypatch: pytest.MonkeyPatch, as_before: None) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    torch.use_deterministic_algorithms(True, warn_only=True)
    before = settings()
    with deterministic(False):
        assert settings() == before
    with deterministic(True):
        assert settings() == (True, False, False, ":4096:8")
        with any_algorithms():
            assert settings() == (False, False, False, ":4096:8")
        assert settings() == (True, False, False, ":4096:8")
    assert settings() == before
    with pytest.raises(KeyError), deterministic(True):
        raise KeyError
    assert settings() == before
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    with deterministic(True):
        assert settings()[-1] == ":16:8", "what the user has set stands"
    assert settings()[-1] == ":16:8"


def test_an_operation_without_a_deterministic_form_is_named(as_before: None) -> None:
    with (
        pytest.raises(UserError, match=r"needs an operation .*put_.* Set trainer.deterministic to false"),
        deterministic(True),
    ):
        torch.zeros(4).put_(torch.tensor([1, 1]), torch.tensor([1.0, 2.0]))
    with deterministic(True), any_algorithms():
        torch.zeros(4).put_(torch.tensor([1, 1]), torch.tensor([1.0, 2.0]))
    with pytest.raises(RuntimeError, match="another"), deterministic(True):
        raise RuntimeError("another")


def test_a_deterministic_training_is_one_from_the_first_step_to_the_last(trainer_name: str, tmp_path: Path) -> None:
    case, modes = CASES[trainer_name], list[bool]()

    def emit(event: Event) -> None:
        modes.append(torch.are_deterministic_algorithms_enabled())

    def observe(step: int, model: CausalLM) -> float:
        modes.append(torch.are_deterministic_algorithms_enabled())
        return 1.0

    run = replace(case.run(tmp_path), emit=emit, observe=observe)
    before = settings()
    case.build(**OPTIONS, deterministic=True).preflight(run)
    case.build(**OPTIONS, deterministic=True).train(run)
    assert len(modes) > 10 and all(modes)
    assert settings() == before
    (tmp_path / "checkpoints" / "step-00000004" / "state.json").read_text("utf-8").index('"deterministic": "True"')


def test_a_new_option_makes_no_other_run_of_an_old_checkpoint(
    stopped: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint of a version that did not know an option: there the option had its default."""
    from zaoju_builtin.trainers import lean

    run = CASES["lean"].run(shutil.copytree(stopped("lean"), tmp_path / "run"))
    monkeypatch.setattr(
        lean,
        "read_counters",
        lambda folder, real=lean.read_counters: replace(
            counters := real(folder),
            identity={name: value for name, value in counters.identity.items() if name != "deterministic"},
        ),
    )
    with pytest.raises(UserError, match="of another run: deterministic was False and is True"):
        LeanTrainer(CASES["lean"].build(**OPTIONS, deterministic=True).options).train(run)
    CASES["lean"].build(**OPTIONS).train(run)
    assert run.artefact.is_dir()
