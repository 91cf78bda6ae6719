"""What the tests of this package share: a word on what is missing, and small models in folders."""

from __future__ import annotations

import importlib.util
import os
from functools import cache
from pathlib import Path

import pytest
import torch

from zaoju import Engine, Tokenizer
from zaoju.models import GPT2, CausalLM, GPT2Config, TransformersLM
from zaoju.testing import decoding_engine

CONTEXT = 64
WORDS = (
    ("我", "你", "他", "我们", "他们"),
    ("想", "在", "要", "能", "会"),
    ("家里", "学校", "这里", "那里"),
    (
        "看着天",
        "学着说",
        "想着过去",
        "好好过",
    ),
)


def need_llama_cpp() -> None:
    """Skip a module, and say why, where llama.cpp is not installed; fail where the environment asks for it."""
    missing = [name for name in ("llama_cpp", "gguf") if importlib.util.find_spec(name) is None]
    if not missing:
        return
    advice = f"{' and '.join(missing)} not installed: docs/llamacpp.md has the command"
    if os.environ.get("ZAOJU_REQUIRE_LLAMACPP") == "1":
        pytest.fail(advice, pytrace=False)
    pytest.skip(advice, allow_module_level=True)


@cache
def tokenizer() -> Tokenizer:
    """Characters, a few words and all bytes."""
    return decoding_engine().tokenizer


def gpt2(**numbers: object) -> GPT2:
    """Random, but far from uniform, so that the strategies differ."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        given = {"vocab_size": tokenizer().vocabulary_size, "n_positions": CONTEXT, "n_embd": 64, "n_layer": 2}
        return GPT2(GPT2Config.from_numbers({**given, "n_head": 4, "initializer_range": 0.15, **numbers})).eval()


def transformers_model(kind: str = "llama", **numbers: object) -> TransformersLM:
    """A random Llama or Qwen, through transformers; no norm or bias is without effect."""
    given = {
        "vocab_size": tokenizer().vocabulary_size,
        "max_position_embeddings": CONTEXT,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "initializer_range": 0.2,
    }
    with torch.random.fork_rng():
        torch.manual_seed(2)
        model: TransformersLM = TransformersLM.from_numbers(kind, {**given, **numbers}).eval()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if parameter.dim() == 1:
                    parameter.add_(torch.randn_like(parameter) * (0.3 if name.endswith("bias") else 0.2))
    return model


def saved(model: CausalLM, folder: Path) -> Path:
    """The folder, which now holds the model and the tokenizer."""
    model.save(folder)
    tokenizer().save(folder)
    return folder


def next_logits(model: CausalLM, tokens: list[int]) -> torch.Tensor:
    """[V]: what a plain pass over the tokens gives after the last of them."""
    with torch.no_grad():
        logits: torch.Tensor = model(torch.tensor([tokens]))[0, -1]
        return logits


def llamacpp_engine(folder: Path, *, share_prefixes: bool = False, **options: object) -> Engine:
    """An engine over the runner of this package."""
    return Engine.load(
        folder, device="cpu", runner={"name": "llamacpp", "threads": 1, **options}, share_prefixes=share_prefixes
    )


def sentences(number: int, seed: int) -> list[str]:
    """Small Chinese sentences by a grammar of four places."""
    generator = torch.Generator().manual_seed(seed)

    def drawn(words: tuple[str, ...]) -> str:
        return words[int(torch.randint(len(words), (1,), generator=generator))]

    return ["".join(map(drawn, WORDS)) + "。" for _ in range(number)]


def trained_gpt2(steps: int = 150) -> GPT2:
    """A GPT-2 that has learned `sentences`, in a few seconds."""
    vocabulary = tokenizer()
    documents = [
        [vocabulary.end_of_text, *vocabulary.encode(text), vocabulary.end_of_text] for text in sentences(400, 1)
    ]
    longest = max(map(len, documents))
    whole = torch.tensor([[*ids, *[-1] * (longest - len(ids))] for ids in documents])
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = GPT2(
            GPT2Config(
                vocab_size=vocabulary.vocabulary_size, n_positions=CONTEXT, n_embd=64, n_layer=2, n_head=4,
                resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
            )
        )  # fmt: skip
        optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
        for step in range(steps):
            batch = whole[torch.arange(step * 32, step * 32 + 32) % len(whole)]
            targets = batch[:, 1:].masked_fill(batch[:, 1:] < 0, -100)
            loss = model.loss(batch[:, :-1].clamp(min=0), targets)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # of torch
            optimiser.step()
    return model.eval()
