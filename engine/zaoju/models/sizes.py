"""Sizes by name: what `model: {architecture: gpt2, size: tiny}` means in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from zaoju.errors import ConfigError, did_you_mean
from zaoju.models.gpt2_config import ALIASES, GPT2Config

Number: TypeAlias = int | float | bool | str

CUSTOM = "custom"
"""The size that says nothing: transformers' defaults, changed by `model.numbers`. Every architecture has it."""


def model_sizes(architecture: str) -> dict[str, dict[str, Number]]:
    """The named sizes of an architecture and the numbers behind them; empty for one that has no names of its own.

    The small ones are this project's own. `gpt2` to `gpt2-xl` are those of Radford et al., 2019.
    """
    if architecture == "gpt2":
        return {
            "nano": _gpt2(layers=2, width=64, heads=2, context=64),
            "tiny": _gpt2(layers=3, width=128, heads=4, context=128),
            "mini": _gpt2(layers=6, width=256, heads=8, context=256),
            "small": _gpt2(layers=8, width=320, heads=5, context=256),
            "medium": _gpt2(layers=8, width=512, heads=8, context=512),
            "gpt2": _gpt2(layers=12, width=768, heads=12, context=1024),
            "gpt2-medium": _gpt2(layers=24, width=1024, heads=16, context=1024),
            "gpt2-large": _gpt2(layers=36, width=1280, heads=20, context=1024),
            "gpt2-xl": _gpt2(layers=48, width=1600, heads=25, context=1024),
        }
    if architecture in ("llama", "mistral", "qwen2", "qwen3"):
        sizes = {
            "nano": _llama(layers=2, width=64, heads=2, context=64),
            "tiny": _llama(layers=3, width=128, heads=4, context=128),
            "mini": _llama(layers=6, width=256, heads=8, context=256),
            "small": _llama(layers=8, width=320, heads=5, context=256),
            "medium": _llama(layers=8, width=512, heads=8, context=512),
            "large": _llama(layers=12, width=768, heads=12, context=1024),
        }
        if architecture == "qwen3":
            return {name: {**size, "head_dim": _head_width(size)} for name, size in sizes.items()}
        return sizes
    return {}


def model_numbers(
    architecture: str, size: str, overrides: Mapping[str, Number], context: int | None = None
) -> dict[str, Number]:
    """The keyword arguments of transformers' configuration for a size, changed by `overrides` and `context`.

    Light: imports neither torch nor transformers. GPT-2's numbers are checked here; those of other architectures are
    checked against transformers when the model is made. Raises `ConfigError`.
    """
    numbers = {**_size(architecture, size), **overrides}
    if architecture == "gpt2":
        numbers = {ALIASES.get(name, name): value for name, value in numbers.items()}
        if context is not None:
            numbers["n_positions"] = context
        GPT2Config.from_numbers(numbers)
    elif context is not None:
        numbers["max_position_embeddings"] = context
    return numbers


def _size(architecture: str, size: str) -> dict[str, Number]:
    if size == CUSTOM:
        return {}
    sizes = model_sizes(architecture)
    if not sizes:
        raise ConfigError(
            f"model.size: {size!r} was asked for, but {architecture} has no named sizes; "
            f"set size: {CUSTOM} and give its numbers in model.numbers, under the names that transformers uses"
        )
    if size not in sizes:
        raise ConfigError(
            f"model.size: {architecture} has no size {size!r}{did_you_mean(size, sizes)}; "
            f"there are {', '.join(sizes)}, and {CUSTOM} for numbers of your own"
        )
    return sizes[size]


def _gpt2(*, layers: int, width: int, heads: int, context: int) -> dict[str, Number]:
    # No dropout: small models on one or a few passes learn more without it, and the best held-out state is kept.
    dropout: dict[str, Number] = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    return {"n_layer": layers, "n_embd": width, "n_head": heads, "n_positions": context, **dropout}


def _llama(*, layers: int, width: int, heads: int, context: int) -> dict[str, Number]:
    # Three projections of 8/3 of the width hold as many weights as GPT-2's two of 4 times (Shazeer, 2020).
    return {
        "num_hidden_layers": layers,
        "hidden_size": width,
        "intermediate_size": -(-width * 8 // 3 // 32) * 32,
        "num_attention_heads": heads,
        "num_key_value_heads": heads,
        "max_position_embeddings": context,
        "tie_word_embeddings": True,
    }


def _head_width(size: Mapping[str, Number]) -> int:
    return int(size["hidden_size"]) // int(size["num_attention_heads"])
