"""What the engine's own models share: layers below, a head above, and a cache between passes."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from zaoju.models.cache import CacheShape, KeyValueCache
from zaoju.models.cache_window import Window
from zaoju.models.causal_lm import CausalLM
from zaoju.models.cross_entropy import linear_cross_entropy
from zaoju.models.layers import LayeredBody
from zaoju.models.linear import LinearMaker
from zaoju.models.loss_chunks import chunk_logits


class LeanLM(CausalLM):
    """A model that trains, that decodes over a `KeyValueCache`, and that can be laid out for decoding."""

    def __init__(self, *, vocabulary_size: int, context_length: int, layers: int, width: int) -> None:
        super().__init__()
        self.vocabulary_size = vocabulary_size
        self.context_length = context_length
        self.layers = layers
        self.width = width
        self._laid_out_head: nn.Module | None = None

    @property
    @abstractmethod
    def body(self) -> LayeredBody:
        """Everything below the head: from ids [B, T] and a window or None to hidden states [B, T, width]."""

    @property
    @abstractmethod
    def blocks(self) -> nn.ModuleList:
        """The layers of the body, each with a method `lay_out(make)`."""

    @property
    @abstractmethod
    def embedding(self) -> nn.Embedding:
        """The vectors of the tokens."""

    @abstractmethod
    def cache_shape(self) -> CacheShape:
        """The numbers of this model's cache."""

    @abstractmethod
    def describe(self) -> Mapping[str, object]:
        """What config.json holds."""

    def forward(self, ids: torch.Tensor, cache: Window | None = None) -> torch.Tensor:
        return self.logits(self.hidden_states(ids, cache))

    def hidden_states(self, ids: torch.Tensor, cache: Window | None = None) -> torch.Tensor:
        """[B, T, width]: what the body makes of `ids` [B, T]; the arguments are those of `forward`."""
        hidden: torch.Tensor = self.body(ids, cache)
        if cache is not None:
            cache.finish()
        return hidden

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """[..., V]: the logits of the token after each of `hidden` [..., width]."""
        if self._laid_out_head is not None:
            given: torch.Tensor = self._laid_out_head(hidden)
            return given
        return F.linear(hidden, self.head)

    @property
    def head(self) -> torch.Tensor:
        """[V, width]: what makes logits of the last hidden states; the embedding's weight where the two are tied."""
        own: nn.Linear | nn.Embedding = self.lm_head if "lm_head" in self._modules else self.embedding
        return own.weight

    def token_parameters(self) -> list[nn.Parameter]:
        head = [self.get_parameter("lm_head.weight")] if "lm_head" in self._modules else []
        return [self.embedding.get_parameter("weight"), *head]

    def add_head(self) -> None:
        """Give the model a head of its own."""
        self.lm_head = nn.Linear(self.width, self.vocabulary_size, bias=False)

    def loss(self, ids: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return linear_cross_entropy(self.hidden_states(ids).flatten(0, 1), self.head, targets.flatten())

    def recompute_layers(self) -> None:
        self.body.recomputes = self.recomputes = True

    def logits_of_loss(self, tokens: int) -> int:
        return min(super().logits_of_loss(tokens), chunk_logits(self.embedding.weight.device.type))

    def new_cache(self, most_bytes: int | None = None) -> KeyValueCache:
        """An empty cache for this model that never takes more than `most_bytes`."""
        weight = self.embedding.weight
        return KeyValueCache(self.cache_shape(), dtype=weight.dtype, device=weight.device, most_bytes=most_bytes)

    def lay_out(self, make: LinearMaker) -> None:
        """Replace every matrix by what `make` makes of it, for decoding. No training and no saving after that."""
        for block in self.blocks:
            block.lay_out(make)  # type: ignore[operator]  # a list of modules does not say which
        self._laid_out_head = make(self.head, None)
        self._modules.pop("lm_head", None)

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(self.describe(), indent=2) + "\n", encoding="utf-8")
        weights = {name: tensor.detach().cpu().contiguous() for name, tensor in self.state_dict().items()}
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
