"""The lean trainer: it learns, keeps the best model, and goes on bit for bit after any stop."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from packed_corpus import NUMBERS, VOCABULARY, hashes, make_run, no_score
from pydantic import ValidationError
from safetensors.torch import load_file

from zaoju.contracts import CheckpointSaved, Event, ModelPlan, Notice, TrainStep
from zaoju.errors import Cancelled, UserError
from zaoju.models import GPT2, CausalLM, has_bfloat16, load_model, new_model
from zaoju.tokenization import PackedTokens
from zaoju.training import PackedBatches
from zaoju_builtin.trainers import lean_loop
from zaoju_builtin.trainers.lean import LeanTrainer
from zaoju_builtin.trainers.optimisers import choose_optimiser, make_optimisers
from zaoju_builtin.trainers.options import LeanOptions

STEPS = 12
OPTIONS = LeanOptions(
    steps=STEPS, batch_size=4, learning_rate=0.01, evaluate_every=5, accumulate=2, precision="float32"
)


def losses(events: list[Event]) -> dict[int, str]:
    return {event.step: event.loss.hex() for event in events if isinstance(event, TrainStep)}


def final_state(folder: Path) -> dict[str, str]:
    """Weights, optimiser, random state and counters after the last step."""
    return hashes(folder / "checkpoints" / f"step-{STEPS:08d}")


def train(folder: Path, *, stop_after: int | None = None, options: LeanOptions = OPTIONS) -> list[Event]:
    """Train in `folder`, cancelled after a step or to the end; the events."""
    events: list[Event] = []

    def emit(event: Event) -> None:
        events.append(event)
        if isinstance(event, TrainStep) and event.step == stop_after:
            run.cancel.set()

    folder.mkdir(exist_ok=True)
    run = make_run(folder, emit=emit)
    if stop_after is None:
        LeanTrainer(options).train(run)
    else:
        with pytest.raises(Cancelled, match=f"stopped after step {stop_after} of {STEPS}"):
            LeanTrainer(options).train(run)
    return events


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[int, str]]:
    folder = tmp_path_factory.mktemp("unbroken")
    return folder, losses(train(folder))


@pytest.mark.parametrize("stops", [[1], [4, 5, 9], [10]])
def test_stopped_and_resumed_is_bit_equal(
    tmp_path: Path, unbroken: tuple[Path, dict[int, str]], stops: list[int]
) -> None:
    log: dict[int, str] = {}
    for stop in stops:
        log |= losses(train(tmp_path, stop_after=stop))
    log |= losses(train(tmp_path))
    assert log == unbroken[1]
    assert final_state(tmp_path) == final_state(unbroken[0])
    assert hashes(tmp_path / "model") == hashes(unbroken[0] / "model")


@pytest.mark.parametrize("forgotten", ["_set_random_states", "optimiser"])
def test_the_comparison_notices_what_is_not_restored(
    tmp_path: Path, unbroken: tuple[Path, dict[int, str]], monkeypatch: pytest.MonkeyPatch, forgotten: str
) -> None:
    train(tmp_path, stop_after=4)
    if forgotten == "optimiser":
        monkeypatch.setattr(torch.optim.Optimizer, "load_state_dict", lambda self, state: None)
    else:
        monkeypatch.setattr(f"zaoju.training.state.{forgotten}", lambda states: None)
    train(tmp_path)
    assert final_state(tmp_path)["model.safetensors"] != final_state(unbroken[0])["model.safetensors"]


def test_a_damaged_checkpoint_costs_only_the_steps_after_the_one_before(
    tmp_path: Path, unbroken: tuple[Path, dict[int, str]]
) -> None:
    train(tmp_path, stop_after=3)
    train(tmp_path, stop_after=7)
    weights = tmp_path / "checkpoints" / "step-00000007" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    events = train(tmp_path)
    assert any(isinstance(event, Notice) and "step-00000007 is damaged" in event.message for event in events)
    assert min(losses(events)) == 4
    assert final_state(tmp_path) == final_state(unbroken[0])


def test_the_best_model_becomes_the_artefact(tmp_path: Path) -> None:
    seen: dict[int, dict[str, torch.Tensor]] = {}

    def observe(step: int, model: CausalLM) -> float:
        seen[step] = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        torch.rand(5)  # an observer may draw numbers; training must not notice
        return {5: 3.0, 10: 2.0, 12: 2.5}[step]

    LeanTrainer(OPTIONS).train(make_run(tmp_path, observe=observe))
    artefact = load_model(tmp_path / "model", "cpu").state_dict()
    assert list(seen) == [5, 10, 12]
    assert all(torch.equal(tensor, artefact[name]) for name, tensor in seen[10].items())
    assert not torch.equal(seen[12]["transformer.wte.weight"], artefact["transformer.wte.weight"])
    assert (tmp_path / "model").is_dir() and sorted(p.name for p in (tmp_path / "model").iterdir()) == [
        "config.json",
        "model.safetensors",
    ]


def test_observing_does_not_change_the_training(tmp_path: Path, unbroken: tuple[Path, dict[int, str]]) -> None:
    def observe(step: int, model: CausalLM) -> float:
        model.eval()
        torch.rand(9)
        return no_score(step, model)

    LeanTrainer(OPTIONS).train(make_run(tmp_path, observe=observe))
    assert final_state(tmp_path) == final_state(unbroken[0])


def test_a_lost_model_stops_the_run_and_no_checkpoint_holds_it(tmp_path: Path) -> None:
    model = new_model(ModelPlan("gpt2", NUMBERS, VOCABULARY, 0), 1)
    with torch.no_grad():
        next(iter(model.parameters())).fill_(float("nan"))
    model.save(tmp_path / "lost")
    events: list[Event] = []
    run = make_run(tmp_path, emit=events.append, model=ModelPlan("gpt2", {}, VOCABULARY, 0, tmp_path / "lost"))
    with pytest.raises(UserError, match=r"the loss is nan in step 1 of 12.*learning_rate below"):
        LeanTrainer(OPTIONS).train(run)
    assert [event.step for event in events if isinstance(event, CheckpointSaved)] == [0]
    assert not run.artefact.exists()


def test_init_from_goes_on_from_the_folder(tmp_path: Path, unbroken: tuple[Path, dict[int, str]]) -> None:
    events: list[Event] = []
    plan = ModelPlan("gpt2", {}, VOCABULARY, 0, init_from=unbroken[0] / "model")
    LeanTrainer(OPTIONS).train(make_run(tmp_path, emit=events.append, model=plan))
    assert float.fromhex(losses(events)[1]) < float.fromhex(unbroken[1][1]) - 0.5


@pytest.mark.parametrize("optimiser", ["adamw"])
def test_other_optimisers_go_on_bit_for_bit_too(tmp_path: Path, optimiser: str) -> None:
    options = OPTIONS.model_copy(update={"optimiser": optimiser})
    log = losses(train(tmp_path / "unbroken", options=options))
    parts: dict[int, str] = {}
    for stop in (3, 8):
        parts |= losses(train(tmp_path / "parts", stop_after=stop, options=options))
    parts |= losses(train(tmp_path / "parts", options=options))
    assert parts == log
    assert final_state(tmp_path / "parts") == final_state(tmp_path / "unbroken")
    assert log != losses(train(tmp_path / "default")), "it really is another optimiser"


def test_muon_takes_the_matrices_of_the_layers_only() -> None:
    model = new_model(ModelPlan("gpt2", {**NUMBERS, "tie_word_embeddings": False}, VOCABULARY, 0), seed=1)
    adamw, muon = make_optimisers(model, choose_optimiser(LeanOptions(), trained_before=False))
    of_muon = {id(parameter) for group in muon.param_groups for parameter in group["params"]}
    of_adamw = {id(parameter) for group in adamw.param_groups for parameter in group["params"]}
    names = {name for name, parameter in model.named_parameters() if id(parameter) in of_muon}
    assert names == {name for name, p in model.named_parameters() if ".h." in name and p.dim() == 2}
    assert of_muon | of_adamw == {id(parameter) for parameter in model.parameters()}
    assert not of_muon & of_adamw


@pytest.mark.parametrize("windows", ["packed", "documents"])
def test_accumulation_is_one_large_batch(tmp_path: Path, windows: str) -> None:
    plan = ModelPlan("gpt2", {**NUMBERS, "resid_pdrop": 0.0, "attn_pdrop": 0.0, "embd_pdrop": 0.0}, VOCABULARY, 0)
    weights = []
    for accumulate, batch_size in ((1, 8), (4, 2)):
        folder = tmp_path / str(accumulate)
        folder.mkdir()
        options = LeanOptions(
            steps=5,
            batch_size=batch_size,
            accumulate=accumulate,
            learning_rate=0.001,
            windows=windows,
            precision="float32",
        )
        LeanTrainer(options).train(make_run(folder, model=plan, documents=30))
        weights.append(load_model(folder / "model", "cpu").state_dict())
    for name, tensor in weights[0].items():
        torch.testing.assert_close(tensor, weights[1][name], rtol=1e-3, atol=1e-5)


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    train(tmp_path, stop_after=2)
    other = OPTIONS.model_copy(update={"learning_rate": 0.02})
    with pytest.raises(UserError, match=r"of another run: learning_rate was 0\.01 and is 0\.02\. Set these back"):
        LeanTrainer(other).train(make_run(tmp_path))


def test_a_time_budget_is_timed_once(tmp_path: Path) -> None:
    options = OPTIONS.model_copy(update={"steps": None, "minutes": 0.02})
    run = make_run(tmp_path)
    trainer = LeanTrainer(options)
    promised = trainer.preflight(run)
    assert promised.steps > 0 and promised.seconds is not None and promised.seconds < 0.02 * 60
    run.cancel.set()
    with pytest.raises(Cancelled, match=f"after step 1 of {promised.steps}"):
        trainer.train(run)
    assert LeanTrainer(options).preflight(run).steps == promised.steps
    events: list[Event] = []
    LeanTrainer(options).train(make_run(tmp_path, emit=events.append))
    assert {event.steps for event in events if isinstance(event, TrainStep)} == {promised.steps}


def test_the_preflight_says_what_will_be_done_and_leaves_nothing(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    state = torch.random.get_rng_state()
    preflight = LeanTrainer(OPTIONS).preflight(run)
    assert torch.equal(state, torch.random.get_rng_state())
    model = new_model(run.model, 1)
    assert (preflight.steps, preflight.tokens_per_step) == (STEPS, 4 * 16 * 2)
    assert preflight.parameters == model.parameter_count()
    assert not any(run.checkpoints.iterdir())


def test_other_architectures_train_and_resume_too(tmp_path: Path) -> None:
    numbers = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
               "intermediate_size": 48, "max_position_embeddings": 16, "attention_dropout": 0.1,
               "tie_word_embeddings": True}  # fmt: skip
    plan = ModelPlan("llama", numbers, VOCABULARY, 0)
    ends = []
    for stop in (None, 5):
        folder = tmp_path / str(stop)
        folder.mkdir()
        run = make_run(folder, model=plan)
        if stop is not None:
            stopping = replace(run, emit=lambda event, run=run: run.cancel.set() if "5" in str(event) else None)
            with pytest.raises(Cancelled):
                LeanTrainer(OPTIONS).train(stopping)
            run.cancel.clear()
        LeanTrainer(OPTIONS).train(run)
        ends.append(final_state(folder))
    assert ends[0] == ends[1]
    assert not isinstance(load_model(tmp_path / "5" / "model", "cpu"), GPT2)


def test_options() -> None:
    with pytest.raises(ValidationError, match="steps and epochs are both set"):
        LeanOptions(steps=3, epochs=1)
    with pytest.raises(ValidationError, match="evaluate_every must be at least 1"):
        LeanOptions(evaluate_every=0)
    with pytest.raises(ValidationError, match="betas"):
        LeanOptions(betas=(0.9, 1.0))


def test_the_options_import_nothing_heavy() -> None:
    code = "import sys, zaoju_builtin.trainers.options; print({'torch', 'accelerate'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


def test_another_environment_is_refused_unless_it_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What rounding depends on is compared: another machine or number of threads is another run."""
    train(tmp_path, stop_after=4)
    monkeypatch.setattr("platform.machine", lambda: "abacus")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 77)
    run = make_run(tmp_path)
    with pytest.raises(UserError, match=r"threads: \d+ then, 77 now; machine: .* then, abacus now.*--inexact"):
        LeanTrainer(OPTIONS).train(run)
    events: list[Event] = []
    LeanTrainer(OPTIONS).train(replace(run, inexact=True, emit=events.append))
    [notice] = [event.message for event in events if isinstance(event, Notice) and "environment" in event.message]
    assert "threads" in notice and "not bit for bit" in notice
    assert (tmp_path / "model").is_dir()


def test_it_ends_early_where_held_out_text_is_predicted_no_better(tmp_path: Path) -> None:
    """After two looks that were no better; after a stop in between, too; and with no patience given, not at all."""
    bits = {2: 5.0, 4: 4.0, 6: 4.5, 8: 4.0, 10: 3.0, 12: 3.0}
    options = OPTIONS.model_copy(update={"evaluate_every": 2, "patience": 2})

    def trained(name: str, given: LeanOptions, stop_after: int | None = None) -> list[Event]:
        events: list[Event] = []

        def emit(event: Event) -> None:
            events.append(event)
            if isinstance(event, TrainStep) and event.step == stop_after:
                run.cancel.set()

        (tmp_path / name).mkdir(exist_ok=True)
        run = make_run(tmp_path / name, emit=emit, observe=lambda step, model: bits[step])
        if stop_after is None:
            LeanTrainer(given).train(run)
        else:
            with pytest.raises(Cancelled):
                LeanTrainer(given).train(run)
        return events

    events = trained("early", options)
    assert max(losses(events)) == 8
    [notice] = [event.message for event in events if isinstance(event, Notice)]
    assert notice.startswith("ended early after step 8 of 12") and "best after step 4" in notice
    trained("stopped", options, stop_after=5)
    trained("stopped", options)
    for part in ("checkpoints/step-00000008", "model"):
        assert hashes(tmp_path / "stopped" / part) == hashes(tmp_path / "early" / part)
    patient = trained("patient", options.model_copy(update={"patience": None}))
    assert max(losses(patient)) == 12


def test_the_norm_is_that_of_the_gradient(tmp_path: Path) -> None:
    """Against the gradient of the whole first step, by torch alone."""
    events: list[Event] = []
    still = dict.fromkeys(("resid_pdrop", "attn_pdrop", "embd_pdrop"), 0.0)
    run = make_run(tmp_path, emit=events.append, model=ModelPlan("gpt2", {**NUMBERS, **still}, VOCABULARY, 0))
    LeanTrainer(LeanOptions(steps=1, batch_size=4, accumulate=2, clip=1e-3, precision="float32")).train(run)
    model = new_model(run.model, run.seed)
    batches = PackedBatches(PackedTokens.open(run.train), window=model.context_length, batch_size=4, seed=run.seed)
    (sum(model.loss(*batches.batch(index)) for index in range(2)) / 2).backward()  # type: ignore[union-attr]
    expected = math.sqrt(sum(float(p.grad.square().sum()) for p in model.parameters() if p.grad is not None))
    (step,) = [event for event in events if isinstance(event, TrainStep)]
    assert step.gradient_norm == pytest.approx(expected, rel=1e-4)


class TestPrecision:
    """In which numbers the layers compute."""

    def losses(self, folder: Path, precision: str) -> list[float]:
        losses: list[float] = []

        def emit(event: object) -> None:
            if isinstance(event, TrainStep):
                losses.append(event.loss)

        options = OPTIONS.model_copy(update={"precision": precision})
        LeanTrainer(options).train(make_run(folder, emit=emit))
        return losses

    @pytest.mark.skipif(not has_bfloat16(torch.device("cpu")), reason="this processor has no bfloat16 instructions")
    def test_bfloat16_rounds_and_learns_as_much(self, tmp_path: Path) -> None:
        exact, rounded = self.losses(tmp_path / "a", "float32"), self.losses(tmp_path / "b", "bfloat16")
        assert rounded != exact
        assert rounded == pytest.approx(exact, abs=0.05)
        assert self.losses(tmp_path / "c", "auto") == rounded

    def test_the_weights_stay_in_float32(self, tmp_path: Path) -> None:
        run = make_run(tmp_path)
        LeanTrainer(OPTIONS.model_copy(update={"precision": "auto"})).train(run)
        weights = load_file(run.artefact / "model.safetensors")
        assert {weight.dtype for weight in weights.values()} == {torch.float32}

    def test_without_the_instructions_auto_is_float32_and_bfloat16_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        exact = self.losses(tmp_path / "a", "float32")
        monkeypatch.setattr(lean_loop, "has_bfloat16", lambda device: False)
        assert self.losses(tmp_path / "b", "auto") == exact
        with pytest.raises(UserError, match=r"trainer\.precision: bfloat16 was asked for"):
            self.losses(tmp_path / "c", "bfloat16")
