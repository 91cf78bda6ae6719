"""The optimisers of the lean trainer, and how fast they may go."""

from __future__ import annotations

import torch
from torch import nn

from zaoju.errors import UserError
from zaoju.models import CausalLM
from zaoju_builtin.trainers.options import LeanOptions


def make_optimisers(model: CausalLM, options: LeanOptions) -> list[torch.optim.Optimizer]:
    """What updates the weights of `model`: AdamW for all, or Muon for the matrices inside the layers and AdamW for the
    rest.

    AdamW: Loshchilov and Hutter, 2019. Muon: Jordan et al., 2024, scaled to AdamW's step as by Liu et al., 2025 (arXiv
    2502.16982), so both take one learning rate. Raises `UserError` where this torch has no Muon.
    """
    inner = _inner_matrices(model) if options.optimiser == "muon" else set()
    rest = [parameter for parameter in model.parameters() if parameter.requires_grad and parameter not in inner]
    # `decay` is a group's own; `weight_decay` is 0 as long as new rows are trained alone.
    groups = [
        {"params": [p for p in rest if p.dim() >= 2], "decay": options.weight_decay},
        {"params": [p for p in rest if p.dim() < 2], "decay": 0.0},
    ]
    fused = next(model.parameters()).device.type in ("cpu", "cuda")
    adamw = torch.optim.AdamW(groups, lr=0.0, betas=options.betas, fused=fused)
    return [adamw, _muon(model, inner, options)] if inner else [adamw]


def default_learning_rate(width: int, trained_before: bool) -> float:
    """The peak for a model of this width: 5e-4 for GPT-2's 768 and 2e-3 for 192, in inverse proportion as in muP (Yang
    et al., 2022), within bounds that small and large models bear. A trained model is moved a tenth as fast."""
    fresh = min(max(0.4 / width, 1e-4), 3e-3)
    return fresh / 10 if trained_before else fresh


def _muon(model: CausalLM, inner: set[nn.Parameter], options: LeanOptions) -> torch.optim.Optimizer:
    if not hasattr(torch.optim, "Muon"):
        raise UserError(
            f"optimiser: muon needs torch 2.9 or newer, and this is {torch.__version__}; update torch, or use adamw"
        )
    matrices = [parameter for parameter in model.parameters() if parameter in inner]
    groups = [{"params": matrices, "decay": options.weight_decay}]
    return torch.optim.Muon(groups, lr=0.0, weight_decay=options.weight_decay, adjust_lr_fn="match_rms_adamw")


def _inner_matrices(model: CausalLM) -> set[nn.Parameter]:
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
