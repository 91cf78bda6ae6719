"""The trainer `transformers`: other architectures, its arguments, and the same steps as `lean`."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from packed_corpus import VOCABULARY
from pydantic import ValidationError
from trainer_cases import CASES
from transformers import TrainerCallback, TrainingArguments

import zaoju
from zaoju.contracts import Event, ModelPlan, TrainStep
from zaoju.errors import ConfigError, UserError
from zaoju_builtin.trainers.options import TransformersOptions

CASE = CASES["transformers"]


def steps(name: str, folder: Path, plan: ModelPlan | None = None, **changes: object) -> list[TrainStep]:
    events: list[Event] = []
    CASES[name].build(**changes).train(CASES[name].run(folder, events.append, plan))
    return [event for event in events if isinstance(event, TrainStep)]


@pytest.mark.parametrize("windows", ["packed", "documents"])
@pytest.mark.parametrize("schedule", ["cosine", "wsd"])
def test_it_does_the_steps_of_lean(tmp_path: Path, windows: str, schedule: str) -> None:
    """The same first weights, order, dropout, loss, rates and optimiser: only rounding is another."""
    changes = {"windows": windows, "schedule": schedule, "window": 10}
    ours, theirs = (
        steps("lean", tmp_path / "a", optimiser="adamw", **changes),
        steps("transformers", tmp_path / "b", **changes),
    )
    assert [step.loss for step in theirs] == pytest.approx([step.loss for step in ours], abs=1e-4)
    assert [step.learning_rate for step in theirs] == pytest.approx([step.learning_rate for step in ours])
    assert [step.tokens for step in theirs] == [step.tokens for step in ours]


def test_any_architecture_trains(tmp_path: Path) -> None:
    numbers = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    plan = ModelPlan("gpt_neox", {**numbers, "max_position_embeddings": 16}, VOCABULARY, 0)
    done = steps("transformers", tmp_path, plan)
    assert done[-1].loss < done[0].loss - 0.2


def test_integrations_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers.integrations import integration_utils

    seen: list[dict[str, float]] = []

    class Listener(TrainerCallback):
        def on_log(self, args: TrainingArguments, state: object, control: object, **parts: dict[str, float]) -> None:
            seen.append(parts["logs"])

    monkeypatch.setitem(integration_utils.INTEGRATION_TO_CALLBACK, "listener", Listener)
    steps("transformers", tmp_path, arguments={"report_to": ["listener"], "logging_steps": 4})
    assert [sorted(log)[:4] for log in seen[:3]] == [["epoch", "grad_norm", "learning_rate", "loss"]] * 3


def test_arguments_reach_transformers(tmp_path: Path) -> None:
    plain = steps("transformers", tmp_path / "a")
    other = steps("transformers", tmp_path / "b", arguments={"optim": "sgd"})
    assert other[0].loss == pytest.approx(plain[0].loss)
    assert other[-1].loss > plain[-1].loss + 0.2


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("max_steps", "is the option 'steps'"),
        ("lr_scheduler_type", "is the option 'schedule'"),
        ("push_to_hub", "is decided by zaoju"),
        ("dataloader_num_workers", "is decided by zaoju"),
    ],
)
def test_arguments_that_are_ours_are_refused(name: str, hint: str) -> None:
    with pytest.raises(ValidationError, match=f"arguments.{name} {hint}"):
        TransformersOptions(arguments={name: 1})


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ({"patience": 3}, "patience is an option of the trainers lean and lora: take one of them"),
        ({"ema": 0.9}, "ema is an option of the trainers lean and lora"),
        ({"optimiser": "muon"}, r"optimiser is an option of .*, or set arguments: \{optim: \.\.\.\}"),
        ({"betas": [0.9, 0.95]}, "betas is an option of .*adam_beta2"),
    ],
)
def test_options_of_lean_alone_are_refused(option: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        zaoju.check_config({"trainer": {"name": "transformers", "steps": 1, **option}})
    zaoju.check_config({"trainer": {"name": "lean", "steps": 1, **option}})


def test_an_integration_sees_a_training_end_and_begin_where_it_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers.integrations import integration_utils

    from zaoju_builtin.trainers.transformers_loop import TransformersLoop

    seen: list[str] = []
    real = TransformersLoop.training_step

    class Listener(TrainerCallback):
        def on_train_begin(self, args: TrainingArguments, state: object, control: object, **parts: object) -> None:
            seen.append("begin")

        def on_train_end(self, args: TrainingArguments, state: object, control: object, **parts: object) -> None:
            seen.append("end")

    def step(loop: TransformersLoop, *given: object, **named: object) -> torch.Tensor:
        loss = real(loop, *given, **named)  # type: ignore[arg-type]
        if loop.state.global_step == 5 and "lost" not in seen:
            seen.append("lost")
            loop._step_loss += float("nan")
        return loss

    monkeypatch.setattr(TransformersLoop, "training_step", step)
    monkeypatch.setitem(integration_utils.INTEGRATION_TO_CALLBACK, "listener", Listener)
    done = steps("transformers", tmp_path, arguments={"report_to": ["listener"]}, on_bad_loss="roll_back")
    assert seen == ["begin", "lost", "end", "begin", "end"]
    assert [one.step for one in done] == [*range(1, 6), *range(1, 13)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weight_decoy": 0.1}, "has no 'weight_decoy'; did you mean 'weight_decay'"),
        ({"optim": "sdg"}, "transformers refuses {'optim': 'sdg'}"),
        ({"report_to": ["nobody"]}, "cannot begin with them: nobody is not supported"),
    ],
)
def test_arguments_that_do_not_exist_are_refused(tmp_path: Path, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        CASE.build(arguments=arguments).preflight(CASE.run(tmp_path))


def test_the_folder_is_one_of_transformers(tmp_path: Path) -> None:
    """Its own resuming reads our checkpoints."""
    from transformers import TrainerState
    from transformers.trainer_utils import IntervalStrategy

    steps("transformers", tmp_path)
    last = tmp_path / "checkpoints" / "step-00000012"
    state = TrainerState.load_from_json(str(last / "trainer_state.json"))
    assert (state.global_step, state.max_steps) == (12, 12)
    assert torch.load(last / "optimizer.pt", weights_only=True)["state"]
    assert torch.load(last / "training_args.bin", weights_only=False).save_strategy == IntervalStrategy.NO
    assert not (tmp_path / "checkpoints" / ".transformers").exists()
