"""Layers that are computed again for the backward pass: the same numbers, in less memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from packed_corpus import hashes
from torch.autograd.graph import saved_tensors_hooks
from trainer_cases import CASES

import zaoju
from zaoju.contracts import Event, TrainStep
from zaoju.errors import ConfigError
from zaoju.models import GPT2, CausalLM, GPT2Config, Llama, LlamaConfig, TransformersLM
from zaoju.training import estimate_memory

LLAMA = {
    "vocab_size": 100,
    "max_position_embeddings": 32,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
}
GPT = {"vocab_size": 100, "n_positions": 32, "n_embd": 32, "n_layer": 4, "n_head": 2}
MODELS: dict[str, Callable[[], CausalLM]] = {
    "gpt2": lambda: GPT2(GPT2Config.from_numbers(GPT)),
    "llama": lambda: Llama(LlamaConfig.from_json({"model_type": "llama", **LLAMA})),
    "transformers": lambda: TransformersLM.from_numbers("gpt2", GPT),
}


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> CausalLM:
    torch.manual_seed(1)
    return MODELS[str(request.param)]().train()


def passed(model: CausalLM) -> tuple[torch.Tensor, dict[str, torch.Tensor], int]:
    """The loss of a pass with dropout, the gradients, and the bytes that were kept for the backward pass."""
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            kept[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
        return tensor

    torch.manual_seed(2)
    ids = torch.randint(100, (4, 32))
    model.zero_grad()
    with saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = model.loss(ids, ids.roll(-1, 1))
    loss.backward()  # type: ignore[no-untyped-call]  # torch
    gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    return loss.detach(), gradients, sum(kept.values())


def test_the_numbers_are_the_same_and_little_is_kept(model: CausalLM) -> None:
    loss, gradients, kept = passed(model)
    model.recompute_layers()
    again, gradients_again, kept_again = passed(model)
    assert torch.equal(again, loss)
    assert gradients.keys() == gradients_again.keys()
    assert all(torch.equal(gradients_again[name], gradient) for name, gradient in gradients.items())
    assert kept_again < kept / 3


def test_less_memory_is_foreseen(model: CausalLM) -> None:
    whole = estimate_memory(model, 4096)
    model.recompute_layers()
    assert estimate_memory(model, 4096) < 0.7 * whole


def test_without_a_gradient_nothing_is_computed_twice(model: CausalLM) -> None:
    model.eval().recompute_layers()
    calls: list[object] = []
    layers = [module for name, module in model.named_modules() if name.endswith((".h.0", "model.layers.0"))]
    for layer in layers:
        layer.register_forward_hook(lambda *given: calls.append(given))
    with torch.no_grad():
        model.loss(torch.ones(1, 8, dtype=torch.long), torch.ones(1, 8, dtype=torch.long))
    assert len(calls) == len(layers) == 1


@pytest.mark.parametrize("name", ["lean", "lora"])
def test_a_training_comes_to_the_same_weights(tmp_path: Path, name: str) -> None:
    """With dropout; the second training would be told from the first by a single other draw."""
    found = []
    for kind in ("none", "full"):
        events: list[Event] = []
        run = CASES[name].run(tmp_path / kind, events.append, first_in=tmp_path)
        CASES[name].build(steps=4, checkpointing=kind).train(run)
        losses = [event.loss for event in events if isinstance(event, TrainStep)]
        found.append((len(losses), losses, hashes(run.artefact)))
    assert found[0] == found[1]
    assert found[0][0] == 4


def test_an_architecture_that_cannot_is_refused() -> None:
    small = {"vocab_size": 100, "n_positions": 16, "n_embd": 16, "dff": 16, "n_layer": 1, "n_head": 1}
    with pytest.raises(ConfigError, match=r"trainer\.checkpointing: full was asked for.*a ctrl again; set it to none"):
        TransformersLM.from_numbers("ctrl", small).recompute_layers()


def test_the_plan_of_a_configuration_knows() -> None:
    vocabulary = {"vocabulary": {"name": "words", "size": 3000}}
    trainer = {"name": "lean", "steps": 5, "checkpointing": "full"}
    plan = zaoju.plan_training({"model": {"size": "nano"}, "tokenization": vocabulary, "trainer": trainer})
    assert {one.sharding.checkpointing for one in plan.shardings} == {"full"}
