"""Matrix products with a gradient: torch's own, or oneDNN's where those are slow.

On AMD's processors torch's float32 products go through MKL. `benchmarks/products.py` sees oneDNN win forwards and for
the gradient of what comes in, and MKL for the gradient of the weight.
"""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import nn

from zaoju.models.linear import onednn_linear, onednn_wins

_FEWEST_ROWS = 64
"""Fewer rows are a matter of reading the weights, and the call costs more than it saves."""


def linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """`x @ weight.T + bias`, for `x` [..., in], `weight` [out, in] and `bias` [out]."""
    if not _suits_onednn(x, weight):
        return F.linear(x, weight, bias)
    product: torch.Tensor = _Linear.apply(x, weight, bias)  # type: ignore[no-untyped-call]  # torch
    return product


class Linear(nn.Linear):
    """`torch.nn.Linear` by `linear`."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return linear(input, self.weight, self.bias)


def product(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """`x @ weight.T` without a gradient."""
    return onednn_linear(x, weight, None) if _suits_onednn(x, weight) else F.linear(x, weight)


def _suits_onednn(x: torch.Tensor, weight: torch.Tensor) -> bool:
    return (
        x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and x.numel() >= _FEWEST_ROWS * x.shape[-1]
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        and onednn_wins()
    )


class _Context(Protocol):
    """What torch passes on from the forward to the backward pass."""

    needs_input_grad: tuple[bool, ...]
    saved_tensors: tuple[torch.Tensor, ...]

    def save_for_backward(self, *tensors: torch.Tensor) -> None: ...


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: _Context, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        return onednn_linear(x, weight, bias)

    @staticmethod
    def backward(
        ctx: _Context, *gradients: torch.Tensor
    ) -> tuple[torch.Tensor | None, torch.Tensor | None, torch.Tensor | None]:
        (gradient,) = gradients
        x, weight = ctx.saved_tensors
        rows = gradient.reshape(-1, gradient.shape[-1])
        of_x = onednn_linear(gradient, weight.t(), None) if ctx.needs_input_grad[0] else None
        of_weight = _of_weight(rows, x.reshape(-1, x.shape[-1]), weight) if ctx.needs_input_grad[1] else None
        of_bias = rows.sum(0) if ctx.needs_input_grad[2] else None
        return of_x, of_weight, of_bias


def _of_weight(gradient: torch.Tensor, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """[out, in], with the strides of `weight`, so that torch need not copy it."""
    return (x.t() @ gradient).t() if weight.stride(0) == 1 else gradient.t() @ x
