"""Shapes by name: GPT-2's, this project's small ones, and GPT-3's with the batch and the learning rate of their source.

Brown et al., 2020, "Language Models are Few-Shot Learners", tables 2.1 and D.1. Two entries of table 2.1 agree neither
with each other nor with the counts of table D.1: 24 heads of 128 are not a width of 2,048, and a width of 5,140 is no
multiple of 40 heads. 16 heads of 128 and a width of 5,120 are, and give the 1,320 and 12,850 million weights of D.1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from zaoju.errors import ConfigError, did_you_mean
from zaoju.models import GPT2Config, model_sizes
from zaoju.planning.shape import ModelShape


@dataclass(frozen=True, slots=True)
class PublishedSize:
    """A line of GPT-3's table 2.1."""

    layers: int
    width: int
    heads: int
    batch_tokens: int
    learning_rate: float
    millions: int
    """Its weights as table D.1 gives them, in millions."""


GPT3_CONTEXT = 2048
GPT3_VOCABULARY = 50257

GPT3_SIZES: Mapping[str, PublishedSize] = {
    "125M": PublishedSize(12, 768, 12, 500_000, 6.0e-4, 125),
    "350M": PublishedSize(24, 1024, 16, 500_000, 3.0e-4, 356),
    "760M": PublishedSize(24, 1536, 16, 500_000, 2.5e-4, 760),
    "1.3B": PublishedSize(24, 2048, 16, 1_000_000, 2.0e-4, 1320),
    "2.7B": PublishedSize(32, 2560, 32, 1_000_000, 1.6e-4, 2650),
    "6.7B": PublishedSize(32, 4096, 32, 2_000_000, 1.2e-4, 6660),
    "13B": PublishedSize(40, 5120, 40, 2_000_000, 1.0e-4, 12850),
    "175B": PublishedSize(96, 12288, 96, 3_200_000, 0.6e-4, 174600),
}


def size_names() -> list[str]:
    """Every name that `shape_of_size` knows, the smallest first."""
    return [*model_sizes("gpt2"), *GPT3_SIZES]


def shape_of_size(name: str) -> ModelShape:
    """The shape of a size by name, with GPT-2's vocabulary. Raises `ConfigError` for an unknown name."""
    found = {known.lower(): known for known in size_names()}.get(name.lower())
    if found is None:
        raise ConfigError(
            f"plan: there is no size {name!r}{did_you_mean(name, size_names())}; there are {', '.join(size_names())}, "
            "and layers, width and heads for a shape of your own"
        )
    if found in GPT3_SIZES:
        size = GPT3_SIZES[found]
        config = GPT2Config(GPT3_VOCABULARY, GPT3_CONTEXT, size.width, size.layers, size.heads)
    else:
        config = GPT2Config.from_numbers(model_sizes("gpt2")[found])
    return ModelShape.gpt2(config)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A batch and a learning rate that have worked for a model about as large."""

    batch_tokens: int
    learning_rate: float
    source: str


def suggest(parameters: int) -> Suggestion:
    """Those of the nearest size of GPT-3, by the logarithm of its weights (Brown et al., 2020, table 2.1)."""
    name = min(GPT3_SIZES, key=lambda size: abs(math.log(GPT3_SIZES[size].millions * 1e6 / parameters)))
    nearest = GPT3_SIZES[name]
    return Suggestion(nearest.batch_tokens, nearest.learning_rate, f"GPT-3 {name}, Brown et al. 2020, table 2.1")
