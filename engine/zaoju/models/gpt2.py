"""GPT-2 as a plain module, for training and for decoding.

Radford et al., 2019, "Language Models are Unsupervised Multitask Learners". The parameter names and the [in, out]
layout of the projections are those of transformers' GPT2LMHeadModel, so weights go both ways as they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import nn

from zaoju.models.attention import causal_attention
from zaoju.models.cache import CacheShape
from zaoju.models.cache_window import Window
from zaoju.models.embedding import new_embedding, on_meta
from zaoju.models.gpt2_config import GPT2Config
from zaoju.models.layers import LayeredBody
from zaoju.models.lean_lm import LeanLM
from zaoju.models.linear import LinearMaker
from zaoju.models.products import linear


class Projection(nn.Module):
    """A linear layer with its weight as [in, out], as OpenAI's code keeps it."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return linear(x, self.weight.t(), self.bias)


class Attention(nn.Module):
    """Causal self-attention over the tokens themselves, or over a window of the cache."""

    def __init__(self, config: GPT2Config, layer: int) -> None:
        super().__init__()
        self.layer = layer
        self.heads = config.n_head
        self.scale = (config.n_embd // config.n_head) ** -0.5 if config.scale_attn_weights else 1.0
        self.dropout = config.attn_pdrop
        self.c_attn: nn.Module = Projection(config.n_embd, 3 * config.n_embd)
        self.c_proj: nn.Module = Projection(config.n_embd, config.n_embd)

    def forward(self, x: torch.Tensor, cache: Window | None) -> torch.Tensor:
        batch, length, width = x.shape
        query, key, value = self.c_attn(x).view(batch, length, 3, self.heads, width // self.heads).unbind(2)
        if cache is None:
            dropout = self.dropout if self.training else 0.0
            mixed = causal_attention(query, key, value, scale=self.scale, dropout=dropout)
        else:
            mixed = cache.attend(self.layer, query, key, value, self.scale)
        output: torch.Tensor = self.c_proj(mixed.reshape(batch, length, width))
        return output

    def lay_out(self, make: LinearMaker) -> None:
        """Replace the matrices."""
        self.c_attn, self.c_proj = _laid_out(self.c_attn, make), _laid_out(self.c_proj, make)


class FeedForward(nn.Module):
    """The two layers after attention. GELU in its tanh form, which transformers calls gelu_new."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.c_fc: nn.Module = Projection(config.n_embd, config.inner_width)
        self.c_proj: nn.Module = Projection(config.inner_width, config.n_embd)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))
        return output

    def lay_out(self, make: LinearMaker) -> None:
        """Replace the matrices."""
        self.c_fc, self.c_proj = _laid_out(self.c_fc, make), _laid_out(self.c_proj, make)


class Block(nn.Module):
    """One layer: attention and feed-forward, each on normalised input and added to the stream."""

    def __init__(self, config: GPT2Config, layer: int) -> None:
        super().__init__()
        self.dropout = config.resid_pdrop
        self.ln_1 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.attn = Attention(config, layer)
        self.ln_2 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.mlp = FeedForward(config)

    def forward(self, x: torch.Tensor, cache: Window | None) -> torch.Tensor:
        x = x + F.dropout(self.attn(self.ln_1(x), cache), self.dropout, self.training)
        return x + F.dropout(self.mlp(self.ln_2(x)), self.dropout, self.training)

    def lay_out(self, make: LinearMaker) -> None:
        """Replace the matrices."""
        self.attn.lay_out(make)
        self.mlp.lay_out(make)


class Body(LayeredBody):
    """Everything below the head: `transformer` in transformers' names."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.dropout = config.embd_pdrop
        self.wte = new_embedding(config.vocab_size, config.n_embd)
        self.wpe = new_embedding(config.n_positions, config.n_embd)
        self.h = nn.ModuleList(Block(config, layer) for layer in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)

    def forward(self, ids: torch.Tensor, cache: Window | None) -> torch.Tensor:
        positions = torch.arange(ids.shape[1], device=ids.device) if cache is None else cache.positions
        x = F.dropout(self.wte(ids) + self.wpe(positions), self.dropout, self.training)
        normalised: torch.Tensor = self.ln_f(self.through(self.h, x, cache))
        return normalised


class GPT2(LeanLM):
    """GPT-2 with freshly drawn weights; `zaoju.models.load_model` reads trained ones.

    The first weights are GPT-2's: normal with deviation 0.02, and those that end in the residual stream divided by the
    square root of how many there are (Radford et al., 2019, section 2.3). Raises `ConfigError` for numbers that the
    module cannot compute; transformers computes those.
    """

    architecture = "gpt2"

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(
            vocabulary_size=config.vocab_size,
            context_length=config.n_positions,
            layers=config.n_layer,
            width=config.n_embd,
        )
        self.config = config
        self.heads = config.n_head
        self.residual_dropout, self.attention_dropout = config.resid_pdrop, config.attn_pdrop
        self.transformer = Body(config)
        if not config.tie_word_embeddings:
            self.add_head()
        if not on_meta():
            self._draw_weights()

    @property
    def body(self) -> Body:
        return self.transformer

    @property
    def blocks(self) -> nn.ModuleList:
        return self.transformer.h

    @property
    def embedding(self) -> nn.Embedding:
        return self.transformer.wte

    def cache_shape(self) -> CacheShape:
        return CacheShape(self.layers, self.config.n_head, self.width // self.config.n_head, self.context_length)

    def describe(self) -> Mapping[str, object]:
        return self.config.to_json()

    @torch.no_grad()
    def _draw_weights(self) -> None:
        deviation = self.config.initializer_range
        for name, parameter in self.named_parameters():
            if name.endswith("c_proj.weight"):
                parameter.normal_(0.0, deviation / math.sqrt(2 * self.config.n_layer))
            elif parameter.dim() == 2:
                parameter.normal_(0.0, deviation)


def _laid_out(projection: nn.Module, make: LinearMaker) -> nn.Module:
    if not isinstance(projection, Projection):
        raise RuntimeError("the model is laid out for decoding already")
    return make(projection.weight.t(), projection.bias)
