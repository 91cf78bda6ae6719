"""How llama.cpp names the tensors and numbers of GPT-2, Llama, Qwen2 and Qwen3.

The names, and the order in which llama.cpp's Llama wants the rows of the query and the key, are those of
`convert_hf_to_gguf.py` of llama.cpp (MIT licence).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TypeAlias

import torch

from zaoju import ArtefactError

Number: TypeAlias = int | float | str


@dataclass(frozen=True, slots=True)
class Wanted:
    """One tensor of the new file, and what it is made of."""

    source: str
    """Its name in the Hugging Face folder."""
    target: str
    """Its name in the GGUF file."""
    transposed: bool = False
    """GPT-2 keeps its matrices as [in, out]."""
    heads: int = 0
    """Where it is not 0: the rows are those of so many heads, whose two halves are to be interleaved."""
    optional: bool = False

    def shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """The new shape of a tensor that had `shape`."""
        return tuple(reversed(shape)) if self.transposed else tuple(shape)

    def change(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor as it is to be written."""
        if self.transposed:
            return tensor.t()
        if self.heads:
            halves = tensor.reshape(self.heads, 2, tensor.shape[0] // self.heads // 2, *tensor.shape[1:])
            return halves.swapaxes(1, 2).reshape(tensor.shape)
        return tensor


@dataclass(frozen=True, slots=True)
class Architecture:
    """What a GGUF file of one model says and holds."""

    name: str
    numbers: Mapping[str, Number]
    """By key, without the architecture's name in front."""
    wanted: tuple[Wanted, ...]
    embedding: str
    """The tensor with one row for each token."""
    made: Mapping[str, torch.Tensor]
    """Tensors that stand for numbers of the config."""


def architecture(config: Mapping[str, object], names: Set[str]) -> Architecture:
    """The plan for a folder with this config.json and tensors of these names.

    Raises `ArtefactError` for an architecture that is not converted here, or a variant that llama.cpp computes
    differently.
    """
    kind = config.get("model_type")
    if kind == "gpt2":
        return _gpt2(config, names)
    if kind in ("llama", "qwen2", "qwen3"):
        return _llama(str(kind), config, names)
    raise ArtefactError(
        f"zaoju-llamacpp converts folders of gpt2, llama, qwen2 and qwen3, and config.json says model_type {kind!r}: "
        "convert it with llama.cpp's own convert_hf_to_gguf.py and put the GGUF file into the folder, or use another "
        "runner"
    )


def unneeded(name: str) -> bool:
    """Whether a tensor is no weight: old folders hold the causal mask and the frequencies of the positions too."""
    return name.endswith((".attn.bias", ".attn.masked_bias", ".rotary_emb.inv_freq"))


def _gpt2(config: Mapping[str, object], names: Set[str]) -> Architecture:
    _allow(config, "activation_function", "gelu_new", {"gelu_new", "gelu_pytorch_tanh"})
    _allow(config, "scale_attn_weights", True, {True})
    _allow(config, "scale_attn_by_inverse_layer_idx", False, {False})
    _allow(config, "add_cross_attention", False, {False})
    # OpenAI's own folders leave out the `transformer.` in front.
    front = "transformer." if "transformer.wte.weight" in names else ""
    layers, width = _whole(config, 12, "n_layer", "num_hidden_layers"), _whole(config, 768, "n_embd", "hidden_size")
    inner = config.get("n_inner")
    wanted = [
        Wanted(f"{front}wte.weight", "token_embd.weight"),
        Wanted(f"{front}wpe.weight", "position_embd.weight"),
        *_both(f"{front}ln_f", "output_norm"),
    ]
    for layer in range(layers):
        source, target = f"{front}h.{layer}", f"blk.{layer}"
        for old, new in (("ln_1", "attn_norm"), ("ln_2", "ffn_norm")):
            wanted += _both(f"{source}.{old}", f"{target}.{new}")
        for old, new in (
            ("attn.c_attn", "attn_qkv"),
            ("attn.c_proj", "attn_output"),
            ("mlp.c_fc", "ffn_up"),
            ("mlp.c_proj", "ffn_down"),
        ):
            wanted += _both(f"{source}.{old}", f"{target}.{new}", transposed=True)
    if config.get("tie_word_embeddings", True) is False:
        wanted.append(Wanted("lm_head.weight", "output.weight"))
    numbers = {
        "context_length": _whole(config, 1024, "n_positions", "max_position_embeddings"),
        "embedding_length": width,
        "feed_forward_length": 4 * width if inner is None else _whole(config, 0, "n_inner"),
        "block_count": layers,
        "attention.head_count": _whole(config, 12, "n_head", "num_attention_heads"),
        "attention.layer_norm_epsilon": _real(config, 1e-5, "layer_norm_epsilon"),
    }
    return Architecture("gpt2", numbers, tuple(wanted), f"{front}wte.weight", {})


def _llama(kind: str, config: Mapping[str, object], names: Set[str]) -> Architecture:
    _allow(config, "hidden_act", "silu", {"silu"})
    if kind != "llama" and config.get("use_sliding_window") is True:
        raise ArtefactError("config.json asks for use_sliding_window, which llama.cpp does not compute for this model")
    layers, width = _whole(config, 32, "num_hidden_layers"), _whole(config, 4096, "hidden_size")
    heads = _whole(config, 32, "num_attention_heads")
    key_heads = _whole(config, heads, "num_key_value_heads")
    head = _whole(config, 128 if kind == "qwen3" else width // heads, "head_dim")
    wanted = [
        Wanted("model.embed_tokens.weight", "token_embd.weight"),
        Wanted("model.norm.weight", "output_norm.weight"),
    ]
    for layer in range(layers):
        wanted += _llama_layer(kind, f"model.layers.{layer}", f"blk.{layer}", heads, key_heads)
    if config.get("tie_word_embeddings", False) is not True:
        wanted.append(Wanted("lm_head.weight", "output.weight"))
    theta, scaling, made = _positions(config, head)
    if made and kind != "llama":
        raise ArtefactError(f"config.json scales the positions by llama3, which llama.cpp does not know for {kind}")
    numbers: dict[str, Number] = {
        "context_length": _whole(config, 2048 if kind == "llama" else 32768, "max_position_embeddings"),
        "embedding_length": width,
        "feed_forward_length": _whole(config, 11008 if kind == "llama" else 22016, "intermediate_size"),
        "block_count": layers,
        "attention.head_count": heads,
        "attention.head_count_kv": key_heads,
        "attention.key_length": head,
        "attention.value_length": head,
        "attention.layer_norm_rms_epsilon": _real(config, 1e-6, "rms_norm_eps"),
        "rope.dimension_count": head,
        "rope.freq_base": theta,
        **scaling,
    }
    return Architecture(kind, numbers, tuple(wanted), "model.embed_tokens.weight", made)


def _llama_layer(kind: str, source: str, target: str, heads: int, key_heads: int) -> Iterator[Wanted]:
    """One layer. llama.cpp turns neighbouring numbers of a Llama's heads, transformers numbers half a head apart."""
    yield Wanted(f"{source}.input_layernorm.weight", f"{target}.attn_norm.weight")
    yield Wanted(f"{source}.post_attention_layernorm.weight", f"{target}.ffn_norm.weight")
    if kind == "qwen3":
        yield Wanted(f"{source}.self_attn.q_norm.weight", f"{target}.attn_q_norm.weight")
        yield Wanted(f"{source}.self_attn.k_norm.weight", f"{target}.attn_k_norm.weight")
    for old, new, turned in (
        ("self_attn.q_proj", "attn_q", heads),
        ("self_attn.k_proj", "attn_k", key_heads),
        ("self_attn.v_proj", "attn_v", 0),
        ("self_attn.o_proj", "attn_output", 0),
        ("mlp.gate_proj", "ffn_gate", 0),
        ("mlp.up_proj", "ffn_up", 0),
        ("mlp.down_proj", "ffn_down", 0),
    ):
        interleaved = turned if kind == "llama" else 0
        yield Wanted(f"{source}.{old}.weight", f"{target}.{new}.weight", heads=interleaved)
        yield Wanted(f"{source}.{old}.bias", f"{target}.{new}.bias", heads=interleaved, optional=True)


def _positions(config: Mapping[str, object], head: int) -> tuple[float, dict[str, Number], dict[str, torch.Tensor]]:
    """How positions turn: the base, further numbers, and a tensor with a factor for each frequency.

    transformers 5 writes `rope_parameters`, older ones `rope_theta` and `rope_scaling`.
    """
    given = config.get("rope_parameters") or config.get("rope_scaling") or {}
    rope: Mapping[str, object] = given if isinstance(given, dict) else {}
    theta = _real({**config, **rope}, 10000.0, "rope_theta")
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind == "default" or kind is None:
        return theta, {}, {}
    if kind == "linear":
        return theta, {"rope.scaling.type": "linear", "rope.scaling.factor": _real(rope, 1.0, "factor")}, {}
    if kind == "llama3":
        return theta, {}, {"rope_freqs.weight": _llama3_factors(theta, head, rope)}
    raise ArtefactError(
        f"config.json scales the positions by {kind!r}; zaoju-llamacpp converts default, linear and llama3: convert "
        "the folder with llama.cpp's own convert_hf_to_gguf.py and put the GGUF file into it"
    )


def _llama3_factors(theta: float, head: int, rope: Mapping[str, object]) -> torch.Tensor:
    """[head / 2]: by what each frequency is divided, as Llama 3.1 does it: long waves fully, short ones not at all."""
    factor = _real(rope, 8.0, "factor")
    low, high = _real(rope, 1.0, "low_freq_factor"), _real(rope, 4.0, "high_freq_factor")
    old = _real(rope, 8192.0, "original_max_position_embeddings")
    factors = []
    for index in range(0, head, 2):
        wave = 2 * math.pi * theta ** (index / head)
        share = (old / wave - low) / (high - low)
        if wave < old / high:
            factors.append(1.0)
        elif wave > old / low:
            factors.append(factor)
        else:
            factors.append(1 / ((1 - share) / factor + share))
    return torch.tensor(factors)


def _both(source: str, target: str, *, transposed: bool = False) -> Iterator[Wanted]:
    yield Wanted(f"{source}.weight", f"{target}.weight", transposed=transposed)
    yield Wanted(f"{source}.bias", f"{target}.bias")


def _allow(config: Mapping[str, object], name: str, default: object, allowed: Set[object]) -> None:
    value = config.get(name, default)
    if value not in allowed:
        known = " or ".join(map(repr, sorted(allowed, key=str)))
        raise ArtefactError(
            f"config.json says {name} {value!r}, and llama.cpp computes only {known}: use the runner transformers"
        )


def _whole(config: Mapping[str, object], default: int, *names: str) -> int:
    """The whole number under the first of `names` that config.json has."""
    value = next((config[name] for name in names if config.get(name) is not None), default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ArtefactError(f"config.json: {names[0]} must be a whole number of at least 1, got {value!r}")
    return value


def _real(config: Mapping[str, object], default: float, name: str) -> float:
    value = config.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ArtefactError(f"config.json: {name} must be a number above 0, got {value!r}")
    return float(value)
