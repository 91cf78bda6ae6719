"""The optimisers of the lean trainer, and how fast they may go."""

from __future__ import annotations

import torch
from torch import nn

from zaoju_builtin.trainers.muon import Muon
from zaoju_builtin.trainers.options import LeanOptions

_EMBEDDINGS_FASTER = 4.0
"""Beside Muon, the embeddings and the head: a row of them has a gradient to speak of only where its token stands."""


def choose_optimiser(options: LeanOptions, *, trained_before: bool) -> LeanOptions:
    """`options` with the optimiser in the place of what they leave open."""
    chosen = options.optimiser
    if chosen == "auto":
        chosen = "adamw" if trained_before or options.sharding != "none" else "muon"
    return options.model_copy(update={"optimiser": chosen})


def make_optimisers(
    model: nn.Module, options: LeanOptions, numbers: torch.dtype = torch.float32
) -> list[torch.optim.Optimizer]:
    """What updates the weights of `model`: AdamW for all, or Muon for the matrices inside the layers and AdamW for the
    rest.

    AdamW: Loshchilov and Hutter, 2019. Muon takes the same learning rate, and multiplies in `numbers`.
    """
    muon = options.optimiser == "muon"
    inner = _inner_matrices(model) if muon else set()
    rest = [parameter for parameter in model.parameters() if parameter.requires_grad and parameter not in inner]
    # `decay` and `faster` are a group's own; `weight_decay` is 0 as long as new rows are trained alone.
    groups = [
        {"params": [p for p in rest if p.dim() >= 2], "decay": options.weight_decay},
        {"params": [p for p in rest if p.dim() < 2], "decay": 0.0},
    ]
    if inner:
        groups[0]["faster"] = _EMBEDDINGS_FASTER
    fused = next(model.parameters()).device.type in ("cpu", "cuda")
    adamw = torch.optim.AdamW(groups, lr=0.0, betas=options.betas, fused=fused)
    return [adamw, _muon(model, inner, options, numbers)] if inner else [adamw]


def default_learning_rate(width: int, trained_before: bool, *, muon: bool = False) -> float:
    """The peak for a model of this width, in inverse proportion to it as in muP (Yang et al., 2022), within bounds that
    small and large models bear: with AdamW 5e-4 for GPT-2's 768 and 2e-3 for 192, with Muon twice that, as steps that
    are orthogonal bear more. A trained model is moved a tenth as fast."""
    fresh = min(max(0.4 / width, 1e-4), 3e-3) * (2 if muon else 1)
    return fresh / 10 if trained_before else fresh


def _muon(
    model: nn.Module, inner: set[nn.Parameter], options: LeanOptions, numbers: torch.dtype
) -> torch.optim.Optimizer:
    matrices = [parameter for parameter in model.parameters() if parameter in inner]
    groups = [{"params": matrices, "decay": options.weight_decay}]
    return Muon(groups, weight_decay=options.weight_decay, numbers=numbers)


def _inner_matrices(model: nn.Module) -> set[nn.Parameter]:
    """Every matrix that maps vectors to vectors; embeddings and the head, whose rows are words, are none."""
    words = {module.weight for module in model.modules() if isinstance(module, nn.Embedding)}
    return {
        parameter
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
        and parameter.dim() == 2
        and parameter not in words
        and not name.endswith("lm_head.weight")
    }
