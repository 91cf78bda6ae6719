"""The trainer `lora`: adapters that are small, on a model that stands still, merged without a difference."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from packed_corpus import NUMBERS, VOCABULARY, hashes, make_run
from pydantic import ValidationError
from safetensors.torch import load_file
from torch.autograd.graph import saved_tensors_hooks
from trainer_cases import CASES

from zaoju.contracts import ModelPlan
from zaoju.errors import UserError
from zaoju.models import TransformersLM, load_model, new_model
from zaoju.training import estimate_memory
from zaoju_builtin.trainers.adapted_lm import AdaptedLM
from zaoju_builtin.trainers.options import LoraOptions

CASE = CASES["lora"]
LLAMA = ModelPlan(
    "llama",
    {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": 16,
    },
    VOCABULARY,
    0,
)
IDS = torch.arange(12)[None]


@pytest.mark.parametrize("plan", [ModelPlan("gpt2", NUMBERS, VOCABULARY, 0), LLAMA], ids=["gpt2", "llama"])
def test_the_adapters_beside_it_are_what_was_merged(tmp_path: Path, plan: ModelPlan) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    run = CASE.run(tmp_path, plan=plan)
    assert run.model.init_from is not None
    before = hashes(run.model.init_from)
    CASE.build(keep_adapter=True).train(run)
    base = AutoModelForCausalLM.from_pretrained(run.model.init_from)
    with torch.no_grad():
        plain = base(input_ids=IDS).logits
        adapted = PeftModel.from_pretrained(base, run.artefact / "adapter").eval()(input_ids=IDS).logits
        merged = load_model(run.artefact, "cpu")(IDS)
    assert (adapted - merged).abs().max() < 1e-4
    assert (plain - merged).abs().max() > 0.1
    assert hashes(run.model.init_from) == before
    described = json.loads((run.artefact / "adapter" / "adapter_config.json").read_text(encoding="utf-8"))
    assert described["base_model_name_or_path"] == str(run.model.init_from)


def test_checkpoints_hold_no_weights_of_the_model(tmp_path: Path) -> None:
    CASE.build(rank=2, targets=["c_attn"]).train(CASE.run(tmp_path))
    last = tmp_path / "checkpoints" / "step-00000012"
    assert not (last / "model.safetensors").exists()
    tensors = load_file(last / "adapter_model.safetensors")
    assert {name.split(".")[-3] for name in tensors} == {"c_attn"}
    assert sum(tensor.numel() for tensor in tensors.values()) == 2 * 2 * (32 + 96)
    assert not (tmp_path / "model" / "adapter").exists()


def test_only_the_adapters_count_as_trained(tmp_path: Path) -> None:
    """Memory: a frozen weight takes 4 bytes, not 16; and new adapters change nothing."""
    run = CASE.run(tmp_path)
    small, large = (CASE.build(rank=rank).preflight(run).memory_bytes for rank in (1, 2))
    width, layers = 32, 2
    per_rank = layers * ((width + 3 * width) + 2 * width + 2 * (width + 4 * width))
    # Weight, gradient, two moments; a tenth more for what the allocator keeps.
    assert large - small == pytest.approx(1.1 * 16 * per_rank, abs=2)
    assert CASES["lean"].build().preflight(run).memory_bytes > large


def test_memory_counts_what_the_dropout_of_adapters_keeps(tmp_path: Path) -> None:
    """Against what torch really keeps for the backward pass."""
    new_model(LLAMA, seed=1).save(tmp_path)
    kept, estimated = [], []
    for dropout in (0.0, 0.1):
        options = LoraOptions(dropout=dropout)
        model = AdaptedLM.around(TransformersLM.from_folder(tmp_path), tmp_path, options).train()
        ids = torch.ones(4, 16, dtype=torch.long)
        found: dict[int, int] = {}

        def keep(tensor: torch.Tensor, found: dict[int, int] = found) -> torch.Tensor:
            found[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with saved_tensors_hooks(keep, lambda tensor: tensor):
            loss = model.loss(ids, ids)
        kept.append(sum(found.values()))
        estimated.append(estimate_memory(model, ids.numel()) / 1.1)
        del loss
    foreseen = estimated[1] - estimated[0]
    assert 0.6 * foreseen < kept[1] - kept[0] <= foreseen
    assert kept[1] > 1.2 * kept[0]


def test_a_new_model_is_refused(tmp_path: Path) -> None:
    for act in ("preflight", "train"):
        with pytest.raises(UserError, match=r"lora adapts a model that has been trained.* set model.init_from"):
            getattr(CASE.build(), act)(make_run(tmp_path))


def test_layers_that_do_not_exist_are_refused(tmp_path: Path) -> None:
    new_model(LLAMA, seed=1).save(tmp_path / "llama")
    run = replace(make_run(tmp_path), model=replace(LLAMA, init_from=tmp_path / "llama"))
    with pytest.raises(UserError, match=r"trainer.targets: c_attn cannot be adapted in a llama, .* q_proj"):
        CASE.build(targets=["c_attn"]).preflight(run)


def test_new_rows_are_refused() -> None:
    with pytest.raises(ValidationError, match="train new ones with the trainer lean"):
        LoraOptions(new_rows_first=0.5)
