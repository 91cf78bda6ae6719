"""The Llama family as a plain module, for training and for decoding: Llama, Mistral, Qwen2 and Qwen3.

Touvron et al., 2023, "LLaMA"; Jiang et al., 2023, "Mistral 7B"; Yang et al., 2024 and 2025, "Qwen2" and "Qwen3". The
parameter names are transformers', so weights go both ways as they are.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import nn

from zaoju.models.attention import causal_attention
from zaoju.models.cache import CacheShape
from zaoju.models.cache_window import Window
from zaoju.models.embedding import new_embedding, on_meta
from zaoju.models.layers import LayeredBody
from zaoju.models.lean_lm import LeanLM
from zaoju.models.linear import LinearMaker
from zaoju.models.llama_config import LlamaConfig
from zaoju.models.products import Linear
from zaoju.models.rotary import frequencies, turn

_CLASSES: Mapping[str, str] = {
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
}
"""What transformers and vLLM call the models; config.json names it."""


class Attention(nn.Module):
    """Causal self-attention with rotary positions; several query heads may share a head of keys."""

    def __init__(self, config: LlamaConfig, layer: int) -> None:
        super().__init__()
        self.layer = layer
        self.heads, self.key_heads, self.head_width = config.heads, config.key_heads, config.head_width
        self.scale = config.head_width**-0.5
        self.dropout = config.attention_dropout
        inner, keys = config.heads * config.head_width, config.key_heads * config.head_width
        self.q_proj = Linear(config.width, inner, bias=config.query_bias)
        self.k_proj = Linear(config.width, keys, bias=config.query_bias)
        self.v_proj = Linear(config.width, keys, bias=config.query_bias)
        self.o_proj: nn.Module = Linear(inner, config.width, bias=config.output_bias)
        if config.normalises_heads:
            self.q_norm = nn.RMSNorm(config.head_width, eps=config.norm_epsilon)
            self.k_norm = nn.RMSNorm(config.head_width, eps=config.norm_epsilon)
        self._normalises = config.normalises_heads
        self._together: nn.Module | None = None

    def forward(self, x: torch.Tensor, angles: tuple[torch.Tensor, torch.Tensor], cache: Window | None) -> torch.Tensor:
        batch, length, _ = x.shape
        heads = self._project(x).view(batch, length, -1, self.head_width)
        query, key, value = torch.split(heads, [self.heads, self.key_heads, self.key_heads], dim=2)
        if self._normalises:
            query, key = self.q_norm(query), self.k_norm(key)
        query, key = turn(query, *angles), turn(key, *angles)
        if cache is None:
            dropout = self.dropout if self.training else 0.0
            mixed = causal_attention(query, key, value, scale=self.scale, dropout=dropout)
        else:
            mixed = cache.attend(self.layer, query, key, value, self.scale)
        output: torch.Tensor = self.o_proj(mixed.reshape(batch, length, -1))
        return output

    def lay_out(self, make: LinearMaker) -> None:
        """Replace the matrices; the three that read the same input become one."""
        self._together = _side_by_side(make, self.q_proj, self.k_proj, self.v_proj)
        del self.q_proj, self.k_proj, self.v_proj
        self.o_proj = _side_by_side(make, self.o_proj)

    def _project(self, x: torch.Tensor) -> torch.Tensor:
        """[B, T, heads + 2 key heads, head width] in one row: queries, keys and values."""
        if self._together is None:
            return torch.cat([self.q_proj(x), self.k_proj(x), self.v_proj(x)], dim=-1)
        together: torch.Tensor = self._together(x)
        return together


class FeedForward(nn.Module):
    """The gated layers after attention (Shazeer, 2020, "GLU Variants Improve Transformer")."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.gate_proj = Linear(config.width, config.inner_width, bias=config.inner_bias)
        self.up_proj = Linear(config.width, config.inner_width, bias=config.inner_bias)
        self.down_proj: nn.Module = Linear(config.inner_width, config.width, bias=config.inner_bias)
        self._together: nn.Module | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self._together is None:
            gate, up = self.gate_proj(x), self.up_proj(x)
        else:
            gate, up = self._together(x).chunk(2, dim=-1)
        output: torch.Tensor = self.down_proj(F.silu(gate) * up)
        return output

    def lay_out(self, make: LinearMaker) -> None:
        """Replace the matrices; the two that read the same input become one."""
        self._together = _side_by_side(make, self.gate_proj, self.up_proj)
        del self.gate_proj, self.up_proj
        self.down_proj = _side_by_side(make, self.down_proj)


class Block(nn.Module):
    """One layer: attention and feed-forward, each on normalised input and added to the stream."""

    def __init__(self, config: LlamaConfig, layer: int) -> None:
        super().__init__()
        self.self_attn = Attention(config, layer)
        self.mlp = FeedForward(config)
        self.input_layernorm = nn.RMSNorm(config.width, eps=config.norm_epsilon)
        self.post_attention_layernorm = nn.RMSNorm(config.width, eps=config.norm_epsilon)

    def forward(self, x: torch.Tensor, angles: tuple[torch.Tensor, torch.Tensor], cache: Window | None) -> torch.Tensor:
        x = x + self.self_attn(self.input_layernorm(x), angles, cache)
        output: torch.Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return output

    def lay_out(self, make: LinearMaker) -> None:
        """Replace the matrices."""
        self.self_attn.lay_out(make)
        self.mlp.lay_out(make)


class Body(LayeredBody):
    """Everything below the head: `model` in transformers' names."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.embed_tokens = new_embedding(config.vocabulary_size, config.width)
        self.layers = nn.ModuleList(Block(config, layer) for layer in range(config.layers))
        self.norm = nn.RMSNorm(config.width, eps=config.norm_epsilon)
        self._rotary = config.head_width, config.rotary
        self._frequencies: torch.Tensor | None = None

    def forward(self, ids: torch.Tensor, cache: Window | None) -> torch.Tensor:
        positions = torch.arange(ids.shape[1], device=ids.device)[None] if cache is None else cache.positions
        x = self.embed_tokens(ids)
        angles = self._angles(positions, x.dtype)
        normalised: torch.Tensor = self.norm(self.through(self.layers, x, angles, cache))
        return normalised

    def _angles(self, positions: torch.Tensor, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
        """The cosine and sine [N, T, 1, head width / 2] for all layers; the angles themselves are float32 always."""
        if self._frequencies is None or self._frequencies.device != positions.device:
            self._frequencies = frequencies(*self._rotary).to(positions.device)
        angle = positions[..., None, None].float() * self._frequencies
        return angle.cos().to(dtype), angle.sin().to(dtype)


class Llama(LeanLM):
    """A model of the Llama family with freshly drawn weights; `zaoju.models.load_model` reads trained ones."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__(
            vocabulary_size=config.vocabulary_size,
            context_length=config.context_length,
            layers=config.layers,
            width=config.width,
        )
        self.config = config
        self.heads, self.attention_dropout = config.heads, config.attention_dropout
        self.architecture = config.family
        self.model = Body(config)
        if not config.tied:
            self.add_head()
        if not on_meta():
            self._draw_weights()

    @property
    def body(self) -> Body:
        return self.model

    @property
    def blocks(self) -> nn.ModuleList:
        return self.model.layers

    @property
    def embedding(self) -> nn.Embedding:
        return self.model.embed_tokens

    def cache_shape(self) -> CacheShape:
        return CacheShape(self.layers, self.config.key_heads, self.config.head_width, self.context_length)

    def describe(self) -> Mapping[str, object]:
        described = {**self.config.source, "architectures": [_CLASSES[self.config.family]], "dtype": "float32"}
        described.pop("torch_dtype", None)
        return described

    @torch.no_grad()
    def _draw_weights(self) -> None:
        """As transformers does: matrices normal, biases 0, and the norms are 1 already."""
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                parameter.normal_(0.0, self.config.initializer_range)
            elif name.endswith(".bias"):
                parameter.zero_()


def _side_by_side(make: LinearMaker, *layers: nn.Module) -> nn.Module:
    """One matrix for several layers that read the same input."""
    weights: list[torch.Tensor] = []
    biases: list[torch.Tensor] = []
    for layer in layers:
        if not isinstance(layer, nn.Linear):
            raise RuntimeError("the model is laid out for decoding already")
        weights.append(layer.weight.detach())
        biases += [] if layer.bias is None else [layer.bias.detach()]
    joined = weights[0] if len(weights) == 1 else torch.cat(weights)
    return make(joined, torch.cat(biases) if biases else None)
