"""GPT-2 against transformers: the same logits, the same folder, both ways."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, GPT2LMHeadModel
from transformers import GPT2Config as TheirConfig

from zaoju.models import GPT2, GPT2Config, load_model
from zaoju.models.cross_entropy import linear_cross_entropy

# Two blocks of GPT-2's real width: float32 differences grow with width, so a toy would prove less.
NUMBERS = {"vocab_size": 1000, "n_positions": 96, "n_embd": 768, "n_layer": 2, "n_head": 12}


def ids(batch: int = 3, length: int = 96) -> torch.Tensor:
    return torch.randint(0, NUMBERS["vocab_size"], (batch, length), generator=torch.Generator().manual_seed(1))


def largest_difference(ours: GPT2, theirs: GPT2LMHeadModel) -> float:
    with torch.no_grad():
        return float((ours(ids()) - theirs(input_ids=ids()).logits).abs().max())


def stir(model: torch.nn.Module) -> None:
    """Weights of a trained model's scale, biases and norms included: fresh ones hide what a bias would show."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.empty_like(parameter).normal_(0, 0.06, generator=generator))


@pytest.mark.parametrize("tied", [True, False])
def test_our_folder_loads_in_transformers_with_equal_logits(tmp_path: Path, tied: bool) -> None:
    torch.manual_seed(0)
    ours = GPT2(GPT2Config(**NUMBERS, tie_word_embeddings=tied, bos_token_id=7, eos_token_id=7)).eval()
    stir(ours)
    ours.save(tmp_path)
    theirs, report = AutoModelForCausalLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    assert theirs.config.eos_token_id == theirs.config.bos_token_id == 7
    assert largest_difference(ours, theirs) < 1e-4


@pytest.mark.parametrize("tied", [True, False])
def test_their_folder_loads_in_ours_with_equal_logits(tmp_path: Path, tied: bool) -> None:
    torch.manual_seed(0)
    theirs = GPT2LMHeadModel(TheirConfig(**NUMBERS, tie_word_embeddings=tied)).eval()
    stir(theirs)
    theirs.save_pretrained(tmp_path)
    ours = load_model(tmp_path, "cpu")
    assert isinstance(ours, GPT2)
    assert largest_difference(ours, theirs) < 1e-4
    theirs.transformer.h[1].mlp.c_proj.bias.data[3] += 0.05
    assert largest_difference(ours, theirs) > 1e-4, "the comparison must notice one changed bias"


def test_sharded_folder_and_names_without_prefix(tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = GPT2LMHeadModel(TheirConfig(**NUMBERS)).eval()
    theirs.save_pretrained(tmp_path / "sharded", max_shard_size="2MB")
    assert (tmp_path / "sharded" / "model.safetensors.index.json").is_file()
    assert largest_difference(load_model(tmp_path / "sharded", "cpu"), theirs) < 1e-4
    theirs.transformer.save_pretrained(tmp_path / "bare")
    assert largest_difference(load_model(tmp_path / "bare", "cpu"), theirs) < 1e-4


def test_saving_and_loading_changes_no_bit(tmp_path: Path) -> None:
    ours = GPT2(GPT2Config(**NUMBERS)).eval()
    ours.save(tmp_path)
    again = load_model(tmp_path, "cpu").state_dict()
    assert all(torch.equal(tensor, again[name]) for name, tensor in ours.state_dict().items())
    values = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert values["model_type"] == "gpt2"


def test_first_weights_have_the_deviations_of_gpt2() -> None:
    torch.manual_seed(0)
    model = GPT2(GPT2Config(**NUMBERS))
    block = model.transformer.h[0]
    assert block.attn.c_attn.weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert block.mlp.c_proj.weight.std().item() == pytest.approx(0.02 / 2, rel=0.02)
    assert not block.mlp.c_proj.bias.any() and bool((block.ln_1.weight == 1).all())
    assert model.parameter_count() == model.config.parameter_count()


def test_loss_is_the_mean_cross_entropy_with_equal_gradients() -> None:
    torch.manual_seed(0)
    model = GPT2(GPT2Config(**NUMBERS)).eval()
    x = ids()
    inputs, targets = x[:, :-1], x[:, 1:]
    model.loss(inputs, targets).backward()
    ours = {name: parameter.grad for name, parameter in model.named_parameters()}
    model.zero_grad()
    plain = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
    plain.backward()
    assert model.loss(inputs, targets).item() == pytest.approx(plain.item(), abs=1e-5)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(ours[name], parameter.grad, rtol=1e-4, atol=1e-6)


def test_chunked_cross_entropy_over_several_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zaoju.models.loss_chunks._LOGITS_ON_CPU", 70)  # 7 rows at a time
    generator = torch.Generator().manual_seed(3)
    hidden = torch.randn(33, 5, generator=generator, dtype=torch.float64).requires_grad_()
    weight = torch.randn(10, 5, generator=generator, dtype=torch.float64).requires_grad_()
    targets = torch.randint(0, 10, (33,), generator=generator)
    (2 * linear_cross_entropy(hidden, weight, targets)).backward()
    got = (hidden.grad, weight.grad)
    hidden.grad = weight.grad = None
    (2 * F.cross_entropy(hidden @ weight.T, targets)).backward()
    torch.testing.assert_close(got[0], hidden.grad, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(got[1], weight.grad, rtol=1e-4, atol=1e-6)
