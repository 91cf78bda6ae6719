"""The engine's Llama family computes what transformers computes, from the same folder, in any batch."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from zaoju.errors import ArtefactError, ConfigError
from zaoju.generation import LeanRunner, LeanRunnerOptions
from zaoju.models import CausalLM, Llama, LlamaConfig, TransformersLM, has_bfloat16, load_model

CONTEXT = 48
SHAPE = {
    "vocab_size": 70,
    "hidden_size": 48,
    "intermediate_size": 80,
    "num_hidden_layers": 2,
    "num_attention_heads": 6,
    "max_position_embeddings": CONTEXT,
    "initializer_range": 0.25,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 50.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 24,
}
SUPPORTED: dict[str, tuple[str, dict[str, object]]] = {
    "llama": ("llama", {}),
    "llama with shared keys": ("llama", {"num_key_value_heads": 2}),
    "llama with one head of keys": ("llama", {"num_key_value_heads": 1, "tie_word_embeddings": True}),
    "llama with biases": ("llama", {"attention_bias": True, "mlp_bias": True}),
    "llama with wide heads": ("llama", {"head_dim": 12}),
    "llama 3": ("llama", {"rope_parameters": LLAMA3, "num_key_value_heads": 3}),
    "linear": ("llama", {"rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 100.0}}),
    "qwen2": ("qwen2", {"num_key_value_heads": 2}),
    "qwen3": ("qwen3", {"num_key_value_heads": 3, "head_dim": 16, "tie_word_embeddings": True}),
    "qwen3 with biases": ("qwen3", {"num_key_value_heads": 2, "head_dim": 8, "attention_bias": True}),
    "mistral": ("mistral", {"num_key_value_heads": 2, "sliding_window": None}),
    "mistral with a wide window": ("mistral", {"num_key_value_heads": 2, "sliding_window": CONTEXT}),
}


def network(family: str, changes: dict[str, object]) -> PreTrainedModel:
    torch.manual_seed(0)
    config = AutoConfig.for_model(family, **{**SHAPE, **changes})
    made: PreTrainedModel = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():  # what transformers starts at 0 and 1 must count too
        for name, parameter in made.named_parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn(len(parameter)) * 0.3)
            assert name
    return made


@pytest.fixture(params=SUPPORTED)
def theirs(request: pytest.FixtureRequest) -> PreTrainedModel:
    return network(*SUPPORTED[request.param])


@pytest.fixture
def ours(theirs: PreTrainedModel, tmp_path: Path) -> CausalLM:
    theirs.save_pretrained(tmp_path / "theirs")
    return load_model(tmp_path / "theirs", "cpu")


@torch.no_grad()
def expected(theirs: PreTrainedModel, text: list[int]) -> torch.Tensor:
    logits: torch.Tensor = theirs(torch.tensor([text])).logits[0]
    return logits


def close(given: torch.Tensor, wanted: torch.Tensor) -> None:
    torch.testing.assert_close(given, wanted, rtol=1e-4, atol=1e-4)


def test_logits(theirs: PreTrainedModel, ours: CausalLM) -> None:
    assert isinstance(ours, Llama)
    text = list(range(2, 2 + CONTEXT))
    with torch.no_grad():
        close(ours(torch.tensor([text]))[0], expected(theirs, text))


@pytest.mark.parametrize("laid_out", [True, False])
def test_ragged_batches_in_any_company(theirs: PreTrainedModel, ours: CausalLM, laid_out: bool) -> None:
    runner = LeanRunner.taking_over(ours, LeanRunnerOptions()) if laid_out else LeanRunner(ours)
    draw = random.Random(1)
    texts: dict[int, list[int]] = {}
    for _ in range(14):
        if len(texts) < 3 or draw.random() < 0.3:
            prompts = [[draw.randrange(70) for _ in range(draw.randint(1, 9))] for _ in range(draw.randint(1, 4))]
            rows, logits = runner.prefill(prompts)
            texts |= dict(zip(rows, prompts, strict=True))
        else:
            rows = draw.sample(sorted(texts), draw.randint(1, len(texts)))
            new = [[draw.randrange(70) for _ in range(draw.choice([1, 1, 3]))] for _ in rows]
            if draw.random() < 0.5:
                new = [one[:1] for one in new]
            logits = runner.append(rows, new)
            for row, one in zip(rows, new, strict=True):
                texts[row] = texts[row] + one
        close(logits, torch.stack([expected(theirs, texts[row])[-1] for row in rows]))
        ended = [row for row in texts if len(texts[row]) > CONTEXT - 4 or draw.random() < 0.1]
        runner.drop(ended)
        texts = {row: text for row, text in texts.items() if row not in ended}


def test_the_loss_and_its_gradients_are_theirs(theirs: PreTrainedModel, ours: CausalLM) -> None:
    ids = torch.randint(0, 70, (3, 20), generator=torch.Generator().manual_seed(3))
    mine = ours.train().loss(ids[:, :-1], ids[:, 1:])
    their_loss = theirs(input_ids=ids, labels=ids).loss
    close(mine, their_loss)
    mine.backward()
    their_loss.backward()
    gradients = {name: parameter.grad for name, parameter in theirs.named_parameters()}
    for name, parameter in ours.named_parameters():
        close(parameter.grad, gradients[name])  # type: ignore[arg-type]


def test_a_saved_model_is_read_by_transformers(theirs: PreTrainedModel, ours: CausalLM, tmp_path: Path) -> None:
    ours.save(tmp_path / "ours")
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "ours").eval()
    text = [3, 1, 4, 1, 5, 9]
    assert type(again) is type(theirs)
    close(expected(again, text), expected(theirs, text))
    with torch.no_grad():
        close(load_model(tmp_path / "ours", "cpu")(torch.tensor([text]))[0], expected(theirs, text))


@pytest.mark.parametrize("precision", ["int8", *(["bfloat16"] if has_bfloat16(torch.device("cpu")) else [])])
def test_other_precisions(tmp_path: Path, precision: str) -> None:
    changes = {"num_key_value_heads": 2, "initializer_range": 0.1}
    theirs = network("qwen2", changes)
    theirs.save_pretrained(tmp_path)
    runner = LeanRunner.open(tmp_path, device="cpu", options=LeanRunnerOptions.model_validate({"precision": precision}))
    _, logits = runner.prefill([[5, 6, 7, 8], [9]])
    wanted = torch.stack([expected(theirs, text)[-1] for text in ([5, 6, 7, 8], [9])])
    assert (logits - wanted).norm() / wanted.norm() < 0.1


def test_the_whole_forward_pass_is_one_graph() -> None:
    """What `torch.compile` and a CUDA graph ask for: no decision in it depends on numbers."""
    config = LlamaConfig.from_json({**SHAPE, "model_type": "qwen3", "head_dim": 16, "num_key_value_heads": 2})
    model = Llama(config).eval()
    ids = torch.randint(0, 70, (2, 9))
    with torch.no_grad():
        compiled = torch.compile(model, fullgraph=True, backend="eager")
        close(compiled(ids), model(ids))


@pytest.mark.parametrize(
    ("family", "changes", "named"),
    [
        ("mistral", {"sliding_window": 8, "num_key_value_heads": 2}, "sliding_window 8"),
        (
            "qwen2",
            {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1, "num_key_value_heads": 2},
            "sliding_window 8",
        ),
        ("llama", {"rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}}, "rope type dynamic"),
        (
            "llama",
            {"rope_parameters": {"rope_type": "yarn", "factor": 2.0, "rope_theta": 1e4}},
            "rope type yarn",
        ),
        ("llama", {"hidden_act": "gelu"}, "hidden_act gelu"),
    ],
)
def test_what_is_not_computed_here_goes_through_transformers(
    family: str, changes: dict[str, object], named: str, tmp_path: Path
) -> None:
    theirs = network(family, changes)
    theirs.save_pretrained(tmp_path)
    values = json.loads((tmp_path / "config.json").read_text("utf-8"))
    assert named in LlamaConfig.from_json(values).unsupported
    assert isinstance(load_model(tmp_path, "cpu"), TransformersLM)


def test_older_folders(tmp_path: Path) -> None:
    """The keys of transformers 4, rotary frequencies among the weights, half precision, and several files."""
    theirs = network("llama", {"rope_parameters": LLAMA3, "num_key_value_heads": 3}).half()
    theirs.save_pretrained(tmp_path, max_shard_size="20kB")
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32).eval()
    values = json.loads((tmp_path / "config.json").read_text("utf-8"))
    scaling = values.pop("rope_parameters")
    values |= {"rope_theta": scaling.pop("rope_theta"), "rope_scaling": {**scaling, "type": scaling["rope_type"]}}
    del values["rope_scaling"]["rope_type"]
    (tmp_path / "config.json").write_text(json.dumps(values), "utf-8")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    ours = load_model(tmp_path, "cpu")
    assert isinstance(ours, Llama)
    with torch.no_grad():
        close(ours(torch.tensor([[5, 6, 7]]))[0], expected(theirs, [5, 6, 7]))


class TestDamagedFolders:
    def test_numbers_that_cannot_be(self) -> None:
        with pytest.raises(ConfigError, match="num_attention_heads 6 must be a multiple of num_key_value_heads 4"):
            LlamaConfig.from_json({**SHAPE, "model_type": "llama", "num_key_value_heads": 4})
        with pytest.raises(ConfigError, match="hidden_size 48 must be a multiple of num_attention_heads 5"):
            LlamaConfig.from_json({**SHAPE, "model_type": "llama", "num_attention_heads": 5})
        with pytest.raises(ConfigError, match="vocab_size: must be a whole number above 0, got '70'"):
            LlamaConfig.from_json({**SHAPE, "model_type": "llama", "vocab_size": "70"})

    def test_a_folder_with_such_numbers_is_named(self, tmp_path: Path) -> None:
        network("llama", {}).save_pretrained(tmp_path)
        values = json.loads((tmp_path / "config.json").read_text("utf-8"))
        (tmp_path / "config.json").write_text(json.dumps({**values, "rms_norm_eps": 0}), "utf-8")
        with pytest.raises(ArtefactError, match=r"config\.json cannot be a model of type llama: rms_norm_eps"):
            load_model(tmp_path, "cpu")

    def test_weights_of_another_shape(self, tmp_path: Path) -> None:
        network("llama", {}).save_pretrained(tmp_path)
        values = json.loads((tmp_path / "config.json").read_text("utf-8"))
        (tmp_path / "config.json").write_text(json.dumps({**values, "intermediate_size": 90}), "utf-8")
        with pytest.raises(ArtefactError, match="6 of 21 tensors are missing, unknown or of another shape"):
            load_model(tmp_path, "cpu")
