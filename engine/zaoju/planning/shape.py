"""The shape of a Transformer: the numbers that decide its weights, its arithmetic and its memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from zaoju.errors import ConfigError
from zaoju.models import GPT2Config, LlamaConfig


@dataclass(frozen=True, slots=True)
class ModelShape:
    """A decoder of the GPT-2 family (and GPT-3's), or of the Llama family."""

    layers: int
    width: int
    """The length of a token's vector between the layers; h in the papers."""

    heads: int
    query_width: int
    """Heads times their width; the same as `width` in GPT-2."""

    key_width: int
    """That of the keys, and that of the values; less than `query_width` where heads share keys."""

    inner_width: int
    """The width inside the feed-forward part."""

    vocabulary: int
    context: int
    tied: bool
    """Whether the head is the embedding."""

    gated: bool
    """Llama's layers, with gated feed-forward parts and rotary positions, in place of GPT-2's."""

    split_vectors: int
    """Numbers in the biases of a layer that tensor parallelism divides."""

    whole_vectors: int
    """Numbers in the norms and biases of a layer that every tensor-parallel device holds."""

    @classmethod
    def gpt2(cls, config: GPT2Config) -> Self:
        """That of a GPT-2 or GPT-3."""
        width, inner = config.n_embd, config.inner_width
        return cls(
            layers=config.n_layer,
            width=width,
            heads=config.n_head,
            query_width=width,
            key_width=width,
            inner_width=inner,
            vocabulary=config.vocab_size,
            context=config.n_positions,
            tied=config.tie_word_embeddings,
            gated=False,
            split_vectors=3 * width + inner,
            whole_vectors=6 * width,
        )

    @classmethod
    def llama(cls, config: LlamaConfig) -> Self:
        """That of a Llama, Mistral, Qwen2 or Qwen3."""
        width, inner = config.width, config.inner_width
        query, key = config.heads * config.head_width, config.key_heads * config.head_width
        return cls(
            layers=config.layers,
            width=width,
            heads=config.heads,
            query_width=query,
            key_width=key,
            inner_width=inner,
            vocabulary=config.vocabulary_size,
            context=config.context_length,
            tied=config.tied,
            gated=True,
            split_vectors=config.query_bias * (query + 2 * key) + config.inner_bias * 2 * inner,
            whole_vectors=2 * width
            + (config.output_bias + config.inner_bias) * width
            + config.normalises_heads * 2 * config.head_width,
        )

    @classmethod
    def of(cls, architecture: str, numbers: Mapping[str, object], vocabulary: int) -> Self:
        """That of a model of `architecture` with transformers' `numbers`. Raises `ConfigError` for another family."""
        if architecture == "gpt2":
            return cls.gpt2(GPT2Config.from_json({**numbers, "vocab_size": vocabulary}))
        if architecture in LlamaConfig.families():
            values = {**numbers, "model_type": architecture, "vocab_size": vocabulary}
            return cls.llama(LlamaConfig.from_json(values))
        raise ConfigError(
            f"plan: the formulas are those of gpt2 and of {', '.join(sorted(LlamaConfig.families()))}, and the "
            f"model is a {architecture}; plan it with a size or with layers, width and heads that come near it"
        )

    def with_window(self, window: int | None) -> Self:
        """The same layers for texts of `window` tokens, which is what a plan takes for the length of a sequence."""
        return self if window is None else replace(self, context=window)

    @property
    def layer_matrices(self) -> int:
        """Weights in the matrices of a layer; 12 h^2 for GPT-2 (Narayanan et al., 2021, section 5.1)."""
        attention = self.width * (2 * self.query_width + 2 * self.key_width)
        return attention + (3 if self.gated else 2) * self.width * self.inner_width

    @property
    def layer_parameters(self) -> int:
        """Weights of one layer."""
        return self.layer_matrices + self.split_vectors + self.whole_vectors

    @property
    def embedding_parameters(self) -> int:
        """Weights of the table of tokens."""
        return self.vocabulary * self.width

    @property
    def head_parameters(self) -> int:
        """Weights of a head of its own; 0 where the head is the embedding."""
        return 0 if self.tied else self.embedding_parameters

    @property
    def position_parameters(self) -> int:
        """Weights of the learned positions; rotary ones have none."""
        return 0 if self.gated else self.context * self.width

    @property
    def norm_parameters(self) -> int:
        """Weights of the last norm."""
        return self.width if self.gated else 2 * self.width

    @property
    def parameters(self) -> int:
        """All weights, a tied head counted once: N in the papers."""
        ends = self.embedding_parameters + self.position_parameters + self.norm_parameters + self.head_parameters
        return self.layers * self.layer_parameters + ends
