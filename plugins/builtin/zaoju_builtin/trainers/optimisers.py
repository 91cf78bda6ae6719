"""The optimisers of the lean trainer, and how fast they may go."""

from __future__ import annotations

import torch
from torch import nn

from zaoju.models import has_bfloat16
from zaoju_builtin.trainers.muon import Muon
from zaoju_builtin.trainers.options import LeanOptions

_EMBEDDINGS_FASTER = 4.0
"""Beside Muon: a row is moved only where its token stands, and by AdamW, whose step for it does not shrink with the
width (Yang et al., 2022, muP)."""


def choose_optimiser(options: LeanOptions, *, trained_before: bool) -> LeanOptions:
    """`options` with the optimiser and its averages in the place of what they leave open."""
    chosen = options.optimiser
    if chosen == "auto":
        chosen = "adamw" if trained_before or options.sharding != "none" else "muon"
    betas = options.betas or ((0.8, 0.95) if chosen == "muon" else (0.9, 0.98))
    return options.model_copy(update={"optimiser": chosen, "betas": betas})


def make_optimisers(model: nn.Module, options: LeanOptions) -> list[torch.optim.Optimizer]:
    """What updates the weights of `model`: AdamW for all, or Muon for the matrices inside the layers and AdamW for the
    rest.

    AdamW: Loshchilov and Hutter, 2019. Muon takes the same learning rate.
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
    assert options.betas is not None, "choose_optimiser gives them"
    adamw = torch.optim.AdamW(groups, lr=0.0, betas=options.betas, fused=fused)
    return [adamw, _muon(model, inner, options)] if inner else [adamw]


def default_learning_rate(width: int, trained_before: bool, *, muon: bool = False) -> float:
    """The peak for a model of this width, in inverse proportion to it as in muP (Yang et al., 2022), within bounds that
    small and large models bear: with AdamW 5e-4 for GPT-2's 768 and 2e-3 for 192, with Muon twice that, as steps that
    are orthogonal bear more. A trained model is moved a tenth as fast."""
    fresh = min(max(0.4 / width, 1e-4), 3e-3) * (2 if muon else 1)
    return fresh / 10 if trained_before else fresh


def _muon(model: nn.Module, inner: set[nn.Parameter], options: LeanOptions) -> torch.optim.Optimizer:
    matrices = [parameter for parameter in model.parameters() if parameter in inner]
    fast = has_bfloat16(next(model.parameters()).device)
    return Muon(
        [{"params": matrices, "decay": options.weight_decay}],
        weight_decay=options.weight_decay,
        numbers=torch.bfloat16 if fast else torch.float32,
    )


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
