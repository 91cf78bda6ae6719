"""What every language model of the engine can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from zaoju.models.cache_window import Window


class CausalLM(nn.Module, ABC):
    """A causal language model: tokens in, logits of each next token out.

    Its parameters bear the names that transformers gives them, so that its folder loads there.
    """

    architecture: str
    """The model type of transformers, such as `gpt2`."""

    vocabulary_size: int
    context_length: int
    """How many tokens the model can look at."""

    layers: int
    width: int
    """The length of a token's vector between the layers."""

    heads: int = 1
    """Heads of attention in a layer."""

    residual_dropout: float = 0.0
    attention_dropout: float = 0.0
    """The shares of a layer's outputs, and of what attention looks at, that training leaves out."""

    dropped_inputs: int = 0
    """How many numbers of each token, in all layers, go into matrices by a dropout of their own, as in adapters."""

    recomputes: bool = False
    """Whether layers keep only what goes into them, and are computed again for the backward pass."""

    packages: tuple[str, ...] = ()
    """The packages beside torch by whose version the model may round otherwise."""

    @abstractmethod
    def forward(self, ids: torch.Tensor, cache: Window | None = None) -> torch.Tensor:
        """Logits [B, T, V] of the token after each of `ids` [B, T] int64.

        With a cache window, `ids` are the new tokens of the window's rows, padded on the right to the longest; they
        are appended to what the rows hold. Logits at padding are meaningless.
        """

    def loss(self, ids: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The mean cross-entropy, in nats per token, of `targets` [B, T] int64 after `ids` [B, T] int64.

        Targets of -100, which are padding or are only read, do not count; without any that counts it is 0.
        """
        logits, wanted = self(ids).flatten(0, 1).float(), targets.flatten()
        return F.cross_entropy(logits, wanted, reduction="sum") / (wanted >= 0).sum().clamp(min=1)

    def logits_of_loss(self, tokens: int) -> int:
        """How many logits `loss` over `tokens` tokens holds in memory at once."""
        return tokens * self.vocabulary_size

    @abstractmethod
    def recompute_layers(self) -> None:
        """From now on, compute each layer again for the backward pass: slower, in far less memory, to the same numbers.

        Raises `ConfigError` for an architecture that cannot do so.
        """

    @abstractmethod
    def token_parameters(self) -> list[nn.Parameter]:
        """Whatever has a row for each token: the embedding first, the head where it has weights of its own, its bias.

        Raises `ArtefactError` for an architecture that keeps its tokens in another way.
        """

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write config.json and the weights as safetensors into `folder`, as transformers expects them."""

    def parameter_count(self) -> int:
        """The number of weights, a tied head counted once."""
        return sum(parameter.numel() for parameter in self.parameters())
