"""The numbers of a GPT-2, read from and written to transformers' config.json without importing transformers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Self

from zaoju.errors import ConfigError, did_you_mean

ALIASES = {
    "hidden_size": "n_embd",
    "max_position_embeddings": "n_positions",
    "num_attention_heads": "n_head",
    "num_hidden_layers": "n_layer",
}
"""The other names that transformers takes for the same numbers."""

_SWITCHES = (
    "scale_attn_weights",
    "scale_attn_by_inverse_layer_idx",
    "reorder_and_upcast_attn",
    "add_cross_attention",
    "tie_word_embeddings",
)


@dataclass(frozen=True, slots=True)
class GPT2Config:
    """A GPT-2's numbers, under the names of transformers' GPT2Config and with its defaults."""

    vocab_size: int = 50257
    n_positions: int = 1024
    n_embd: int = 768
    n_layer: int = 12
    n_head: int = 12
    n_inner: int | None = None
    activation_function: str = "gelu_new"
    resid_pdrop: float = 0.1
    embd_pdrop: float = 0.1
    attn_pdrop: float = 0.1
    layer_norm_epsilon: float = 1e-5
    initializer_range: float = 0.02
    scale_attn_weights: bool = True
    scale_attn_by_inverse_layer_idx: bool = False
    reorder_and_upcast_attn: bool = False
    add_cross_attention: bool = False
    tie_word_embeddings: bool = True
    bos_token_id: int | None = 50256
    eos_token_id: int | list[int] | None = 50256
    pad_token_id: int | None = None

    @classmethod
    def from_numbers(cls, numbers: Mapping[str, object]) -> Self:
        """A config from keyword arguments of the user.

        Raises `ConfigError` for an unknown name, a value of the wrong type, or numbers that cannot be a model.
        """
        known = {field.name for field in fields(cls)}
        renamed = {ALIASES.get(name, name): value for name, value in numbers.items()}
        for name in renamed:
            if name not in known:
                raise ConfigError(
                    f"model.numbers: gpt2 has no number {name!r}{did_you_mean(name, {*known, *ALIASES})}; "
                    f"there are {', '.join(sorted(known))}"
                )
        config = cls(**renamed)  # type: ignore[arg-type]  # the types are checked in the next line
        config.check()
        return config

    @classmethod
    def from_json(cls, values: Mapping[str, object]) -> Self:
        """A config from a config.json; keys that mean nothing to a language model are left out."""
        known = {field.name for field in fields(cls)}
        renamed = {ALIASES.get(name, name): value for name, value in values.items()}
        config = cls(**{name: value for name, value in renamed.items() if name in known})  # type: ignore[arg-type]  # same
        config.check()
        return config

    def check(self) -> None:
        """Raises `ConfigError` where the numbers cannot be a model, before any memory is taken for them."""
        for name in ("vocab_size", "n_positions", "n_embd", "n_layer", "n_head"):
            _check_count(name, getattr(self, name))
        if self.n_inner is not None:
            _check_count("n_inner", self.n_inner)
        for name in ("resid_pdrop", "embd_pdrop", "attn_pdrop"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
                raise ConfigError(f"model.numbers.{name}: must be at least 0 and below 1, got {value!r}")
        for name in ("layer_norm_epsilon", "initializer_range"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
                raise ConfigError(f"model.numbers.{name}: must be a number above 0, got {value!r}")
        for name in _SWITCHES:
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise ConfigError(f"model.numbers.{name}: must be true or false, got {value!r}")
        if self.n_embd % self.n_head:
            divisors = [heads for heads in range(1, self.n_embd + 1) if self.n_embd % heads == 0 and heads <= 128]
            raise ConfigError(
                f"model.numbers: n_embd {self.n_embd} must be a multiple of n_head {self.n_head}; "
                f"for this width n_head can be {', '.join(map(str, divisors))}"
            )

    def to_json(self) -> dict[str, object]:
        """What config.json holds."""
        return {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "dtype": "float32", **asdict(self)}

    @property
    def inner_width(self) -> int:
        """The width inside the feed-forward part."""
        return self.n_inner if self.n_inner is not None else 4 * self.n_embd

    @property
    def unsupported(self) -> str:
        """Why the engine's own module cannot compute this model, or an empty string where it can."""
        if self.activation_function not in ("gelu_new", "gelu_pytorch_tanh"):
            return f"activation_function {self.activation_function}"
        flags = ("scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn", "add_cross_attention")
        return next((flag for flag in flags if getattr(self, flag)), "")

    def parameter_count(self) -> int:
        """The number of weights, a tied head counted once."""
        width, inner = self.n_embd, self.inner_width
        layer = 4 * width * width + 2 * width * inner + 9 * width + inner
        head = 0 if self.tie_word_embeddings else self.vocab_size * width
        return (self.vocab_size + self.n_positions) * width + self.n_layer * layer + 2 * width + head


def _check_count(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"model.numbers.{name}: must be a whole number of at least 1, got {value!r}")
