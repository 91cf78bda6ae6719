"""Models from plans and folders, and what is refused before memory is taken."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from zaoju.contracts import ModelPlan
from zaoju.errors import ArtefactError, ConfigError, UserError
from zaoju.models import GPT2, Llama, TransformersLM, choose_device, load_model, model_numbers, model_sizes, new_model
from zaoju.models.sizes import Number


def plan(architecture: str = "gpt2", size: str = "nano", **numbers: int | float | str | bool) -> ModelPlan:
    return ModelPlan(architecture, model_numbers(architecture, size, numbers), vocabulary_size=300, end_of_text=3)


def test_the_seed_alone_decides_the_weights() -> None:
    before = torch.random.get_rng_state()
    first, again, other = (new_model(plan(), seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["transformer.wte.weight"], other["transformer.wte.weight"])
    assert torch.equal(before, torch.random.get_rng_state()), "the caller's random state is not ours to change"


@pytest.mark.parametrize("architecture", ["llama", "mistral", "qwen2", "qwen3"])
def test_the_llama_family_is_the_engines_own(architecture: str, tmp_path: Path) -> None:
    model = new_model(plan(architecture), 1).eval()
    assert isinstance(model, Llama)
    assert (model.architecture, model.vocabulary_size, model.context_length) == (architecture, 300, 64)
    assert (model.layers, model.width) == (2, 64)
    model.save(tmp_path)
    again = load_model(tmp_path, "cpu")
    ids = torch.arange(20)[None]
    with torch.no_grad():
        assert torch.equal(model(ids), again(ids))
    assert model.loss(ids[:, :-1], ids[:, 1:]).item() == pytest.approx(5.7, abs=0.3)
    theirs = TransformersLM.from_folder(tmp_path).eval()
    assert theirs.architecture == architecture
    with torch.no_grad():
        torch.testing.assert_close(theirs(ids), model(ids), rtol=1e-4, atol=1e-4)


def test_numbers_alone_make_any_architecture() -> None:
    numbers = model_numbers("gpt_neox", "custom", {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
                                                   "intermediate_size": 64}, 48)  # fmt: skip
    model = new_model(ModelPlan("gpt_neox", numbers, 300, 3), 1)
    assert (model.context_length, model.width) == (48, 32)


def test_a_gpt2_that_ours_cannot_compute_goes_to_transformers(tmp_path: Path) -> None:
    model = new_model(plan(activation_function="relu"), 1)
    assert isinstance(model, TransformersLM)
    model.save(tmp_path)
    assert isinstance(load_model(tmp_path, "cpu"), TransformersLM)
    assert isinstance(new_model(plan(), 1), GPT2)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("gpt2", "tinny", {}), "did you mean 'tiny'.*medium.*custom"),
        (("gpt2", "tiny", {"n_layers": 3}), "did you mean 'n_layer'"),
        (("gpt2", "tiny", {"n_head": 5}), "multiple of n_head 5.*n_head can be 1, 2, 4, 8, 16"),
        (("gpt2", "tiny", {"n_embd": -1}), "n_embd: must be a whole number of at least 1, got -1"),
        (("gpt2", "tiny", {"n_embd": "wide"}), "n_embd: must be a whole number"),
        (("gpt2", "tiny", {"resid_pdrop": 1.5}), "resid_pdrop"),
        (("gpt2", "tiny", {"layer_norm_epsilon": "1e-5"}), "layer_norm_epsilon: must be a number above 0, got '1e-5'"),
        (("gpt2", "tiny", {"layer_norm_epsilon": 0}), "layer_norm_epsilon: must be a number above 0"),
        (("gpt2", "tiny", {"initializer_range": True}), "initializer_range: must be a number above 0"),
        (("gpt2", "tiny", {"initializer_range": float("nan")}), "initializer_range: must be a number above 0"),
        (("gpt2", "tiny", {"tie_word_embeddings": "no"}), "tie_word_embeddings: must be true or false, got 'no'"),
        (("gpt2", "tiny", {"scale_attn_weights": 1}), "scale_attn_weights: must be true or false, got 1"),
        (("mamba", "tiny", {}), "mamba has no named sizes; set size: custom"),
    ],
)
def test_wrong_sizes_are_refused(arguments: tuple[str, str, dict[str, Number]], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        model_numbers(*arguments)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (ModelPlan("lama", {}, 300, 3), "no causal language model 'lama'; did you mean 'llama'"),
        (ModelPlan("llama", {"hidden_sizes": 64}, 300, 3), "did you mean 'hidden_size'"),
        (ModelPlan("llama", {"hidden_size": 65, "num_attention_heads": 4}, 300, 3), "llama"),
        (ModelPlan("gpt2", {"n_embd": 80_000, "n_head": 80, "n_layer": 96}, 300, 3), "GiB to train.*this machine has"),
        (ModelPlan("llama", {"hidden_size": 65536, "num_hidden_layers": 200}, 300, 3), "GiB to train"),
    ],
)
def test_impossible_plans_are_refused_before_memory_is_taken(asked: ModelPlan, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        new_model(asked, 1)


def test_aliases_of_transformers_are_understood() -> None:
    assert model_numbers("gpt2", "tiny", {"hidden_size": 96}, context=77) == {
        **model_sizes("gpt2")["tiny"],
        "n_embd": 96,
        "n_positions": 77,
    }


def test_named_sizes_hold_what_they_say() -> None:
    def million(size: str, vocabulary: int) -> float:
        from zaoju.models import GPT2Config

        numbers = model_numbers("gpt2", size, {"vocab_size": vocabulary})
        return GPT2Config.from_numbers(numbers).parameter_count() / 1e6

    assert [round(million(size, 50257)) for size in ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl")] == [
        124,
        355,
        774,
        1558,
    ]
    assert 0.5 < million("tiny", 1) < 1
    assert million("small", 1) == pytest.approx(10, rel=0.03)


def test_init_from_needs_the_same_vocabulary(tmp_path: Path) -> None:
    new_model(plan(), 1).save(tmp_path)
    numbers = plan().numbers
    assert new_model(ModelPlan("gpt2", numbers, 300, 3, init_from=tmp_path), 5).vocabulary_size == 300
    with pytest.raises(ArtefactError, match="has 300 tokens and this run's tokenizer has 301"):
        new_model(ModelPlan("gpt2", numbers, 301, 3, init_from=tmp_path), 5)


def test_damaged_folders_are_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match=r"has no config\.json"):
        load_model(tmp_path / "nowhere", "cpu")
    new_model(plan(), 1).save(tmp_path)
    weights, config = tmp_path / "model.safetensors", tmp_path / "config.json"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArtefactError, match="damaged or cut off"):
        load_model(tmp_path, "cpu")
    weights.write_bytes(whole)
    values = json.loads(config.read_text(encoding="utf-8"))
    config.write_text(json.dumps({**values, "n_layer": 3}), encoding="utf-8")
    with pytest.raises(ArtefactError, match=r"do not agree with its config.*h\.2\."):
        load_model(tmp_path, "cpu")
    config.write_text("{", encoding="utf-8")
    with pytest.raises(ArtefactError, match="cannot be read"):
        load_model(tmp_path, "cpu")
    config.write_text(json.dumps({"model_type": "llama", "n_layer": 2}), encoding="utf-8")
    weights.unlink()
    with pytest.raises(ArtefactError, match="transformers cannot load"):
        load_model(tmp_path, "cpu")


def test_a_folder_without_all_weights_is_refused(tmp_path: Path) -> None:
    new_model(plan("llama"), 1).save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text("utf-8"))
    # With another activation, only transformers computes it.
    (tmp_path / "config.json").write_text(json.dumps({**config, "hidden_act": "gelu"}), "utf-8")
    weights = tmp_path / "model.safetensors"
    tensors = load_file(weights)
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, weights, {"format": "pt"})
    with pytest.raises(
        ArtefactError, match=r"not whole: 1 tensors of a llama .*'model\.layers\.1\.mlp\.up_proj\.weight'"
    ):
        load_model(tmp_path, "cpu")
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArtefactError, match="transformers cannot load the model in"):
        load_model(tmp_path, "cpu")


SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}


@pytest.mark.parametrize("architecture", ["bert", "roberta", "gpt_neox"])
def test_no_token_sees_a_later_one(architecture: str) -> None:
    model = new_model(ModelPlan(architecture, SMALL, 300, 3), 1).eval()
    ids = torch.arange(4, 16)[None]
    changed = ids.clone()
    changed[0, 8] = 99
    with torch.no_grad():
        one, other = model(ids), model(changed)
    assert torch.equal(one[:, :8], other[:, :8])
    assert not torch.equal(one[:, 8:], other[:, 8:])


def test_an_architecture_without_a_key_value_cache_is_refused_before_training() -> None:
    numbers = {"hidden_size": 32, "num_hidden_layers": 1, "state_size": 4}
    with pytest.raises(ConfigError, match="mamba keeps no key-value cache, which zaoju's runners need"):
        new_model(ModelPlan("mamba", numbers, 300, 3), 1)


def test_devices() -> None:
    assert choose_device("cpu") == "cpu"
    assert choose_device("auto") in ("cpu", "cuda", "mps")
    missing = [name for name in ("cuda", "mps") if choose_device("auto") != name]
    with pytest.raises(UserError, match=f"device: {missing[-1]} was asked for"):
        choose_device(missing[-1])


def test_sizes_need_no_torch() -> None:
    code = "import sys, zaoju.models.sizes as s; s.model_numbers('gpt2', 'tiny', {}); print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
