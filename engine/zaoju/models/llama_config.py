"""The numbers of a model of the Llama family, read from transformers' config.json without importing transformers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from zaoju.errors import ConfigError

_COMMON: Mapping[str, object] = {
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-6,
    "initializer_range": 0.02,
    "attention_dropout": 0.0,
    "tie_word_embeddings": False,
    "attention_bias": False,
    "mlp_bias": False,
    "head_dim": None,
    "sliding_window": None,
    "use_sliding_window": True,
}

_DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "llama": {
        "vocab_size": 32000,
        "intermediate_size": 11008,
        "num_key_value_heads": None,
        "max_position_embeddings": 2048,
    },
    "mistral": {
        "vocab_size": 32000,
        "intermediate_size": 14336,
        "num_key_value_heads": 8,
        "max_position_embeddings": 131072,
        "sliding_window": 4096,
    },
    "qwen2": {
        "vocab_size": 151936,
        "intermediate_size": 22016,
        "num_key_value_heads": 32,
        "max_position_embeddings": 32768,
        "use_sliding_window": False,
    },
    "qwen3": {
        "vocab_size": 151936,
        "intermediate_size": 22016,
        "num_key_value_heads": 32,
        "max_position_embeddings": 32768,
        "use_sliding_window": False,
        "head_dim": 128,
    },
}
"""What transformers takes where config.json is silent."""


@dataclass(frozen=True, slots=True)
class RotaryScaling:
    """How the frequencies of rotary positions are stretched; `factor` 1 leaves them as they are."""

    theta: float
    factor: float = 1.0
    low_frequency: float | None = None
    high_frequency: float | None = None
    original_context: int | None = None
    """With the last three, Llama 3's rule: only slow frequencies are divided by `factor`, with a smooth passage."""


@dataclass(frozen=True, slots=True)
class LlamaConfig:
    """The numbers of a Llama, Mistral, Qwen2 or Qwen3."""

    family: str
    vocabulary_size: int
    width: int
    inner_width: int
    layers: int
    heads: int
    key_heads: int
    head_width: int
    context_length: int
    norm_epsilon: float
    initializer_range: float
    attention_dropout: float
    tied: bool
    query_bias: bool
    """Whether the projections to queries, keys and values have a bias."""

    output_bias: bool
    """Whether the projection out of attention has one."""

    inner_bias: bool
    """Whether the feed-forward layers have one."""

    normalises_heads: bool
    """Whether queries and keys are normalised head by head, as in Qwen3."""

    rotary: RotaryScaling
    unsupported: tuple[str, ...]
    """What config.json asks for and the engine's module does not compute; transformers does."""

    source: Mapping[str, object]
    """The whole config.json."""

    @classmethod
    def families(cls) -> frozenset[str]:
        """The model types of transformers that this reads."""
        return frozenset(_DEFAULTS)

    @classmethod
    def from_json(cls, values: Mapping[str, object]) -> Self:
        """A config from a config.json. Raises `ConfigError` for numbers that cannot be a model."""
        family = str(values.get("model_type"))
        numbers = {**_COMMON, **_DEFAULTS[family], **values}
        heads = _count(numbers, "num_attention_heads")
        width = _count(numbers, "hidden_size")
        key_heads = heads if numbers["num_key_value_heads"] is None else _count(numbers, "num_key_value_heads")
        if heads % key_heads:
            raise ConfigError(f"num_attention_heads {heads} must be a multiple of num_key_value_heads {key_heads}")
        if numbers["head_dim"] is None and width % heads:
            raise ConfigError(f"hidden_size {width} must be a multiple of num_attention_heads {heads}")
        rotary, strange = _rotary(numbers)
        biased = bool(numbers["attention_bias"])
        return cls(
            family=family,
            vocabulary_size=_count(numbers, "vocab_size"),
            width=width,
            inner_width=_count(numbers, "intermediate_size"),
            layers=_count(numbers, "num_hidden_layers"),
            heads=heads,
            key_heads=key_heads,
            head_width=width // heads if numbers["head_dim"] is None else _count(numbers, "head_dim"),
            context_length=_count(numbers, "max_position_embeddings"),
            norm_epsilon=_number(numbers, "rms_norm_eps"),
            initializer_range=_number(numbers, "initializer_range"),
            attention_dropout=_share(numbers, "attention_dropout"),
            tied=bool(numbers["tie_word_embeddings"]),
            query_bias=biased if family in ("llama", "qwen3") else family == "qwen2",
            output_bias=biased and family in ("llama", "qwen3"),
            inner_bias=bool(numbers["mlp_bias"]) and family == "llama",
            normalises_heads=family == "qwen3",
            rotary=rotary,
            unsupported=(*strange, *_strange(numbers)),
            source=values,
        )


def _strange(numbers: Mapping[str, object]) -> list[str]:
    """What changes the mathematics and is not computed here."""
    found = []
    if numbers["hidden_act"] != "silu":
        found.append(f"hidden_act {numbers['hidden_act']}")
    window = numbers["sliding_window"] if numbers["use_sliding_window"] else None
    layers = numbers.get("layer_types")
    if isinstance(window, int) and window < _count(numbers, "max_position_embeddings"):
        found.append(f"sliding_window {window}")
    elif isinstance(layers, list) and set(layers) != {"full_attention"}:
        found.append("layer_types")
    head_width = numbers["head_dim"]
    if isinstance(head_width, int) and head_width % 2:
        found.append("an odd head_dim")
    found += [name for name in ("quantization_config", "auto_map") if numbers.get(name)]
    return found


def _rotary(numbers: Mapping[str, object]) -> tuple[RotaryScaling, list[str]]:
    """How positions are turned, and what about it is not computed here."""
    newer, older = numbers.get("rope_parameters"), numbers.get("rope_scaling")
    given = newer if isinstance(newer, Mapping) else older if isinstance(older, Mapping) else {}
    theta = given.get("rope_theta", numbers.get("rope_theta", 10000.0))
    kind = given.get("rope_type", given.get("type", "default"))
    if not isinstance(theta, int | float) or given.get("partial_rotary_factor", 1.0) != 1.0:
        return RotaryScaling(10000.0), ["rope_parameters"]
    if kind == "default":
        return RotaryScaling(theta), []
    if kind == "linear":
        return RotaryScaling(theta, _number(given, "factor")), []
    if kind == "llama3":
        scaling = RotaryScaling(
            theta,
            _number(given, "factor"),
            _number(given, "low_freq_factor"),
            _number(given, "high_freq_factor"),
            _count(given, "original_max_position_embeddings"),
        )
        return scaling, []
    return RotaryScaling(theta), [f"rope type {kind}"]


def _count(numbers: Mapping[str, object], name: str) -> int:
    value = numbers.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{name}: must be a whole number above 0, got {value!r}")
    return value


def _share(numbers: Mapping[str, object], name: str) -> float:
    value = numbers.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise ConfigError(f"{name}: must be at least 0 and below 1, got {value!r}")
    return float(value)


def _number(numbers: Mapping[str, object], name: str) -> float:
    value = numbers.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ConfigError(f"{name}: must be a number above 0, got {value!r}")
    return float(value)
