"""Cross-entropy of a linear head whose logits never stand whole in memory.

The gradient is computed chunk by chunk in the forward pass, as in Liger Kernel (Hsu et al., 2024, arXiv:2410.10989):
the logits of a chunk turn into their own gradient in place. On a CPU it is faster too, as a chunk stays in the cache.
"""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F

from zaoju.models.loss_chunks import chunk_logits
from zaoju.models.products import product


def linear_cross_entropy(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The mean of `cross_entropy(hidden @ weight.T, targets)` in nats, float32.

    `hidden` is [N, width], `weight` [V, width], `targets` [N] int64; targets below 0 are padding and do not count.
    """
    if targets.device.type == "cpu":
        # Padding is left out before the head. Elsewhere the host would have to wait to learn how much there is.
        counts = targets >= 0
        if not counts.all():
            hidden, targets = hidden[counts], targets[counts]
    loss: torch.Tensor = _LinearCrossEntropy.apply(hidden, weight, targets)  # type: ignore[no-untyped-call]  # torch
    return loss


class _Context(Protocol):
    """What torch passes on from the forward to the backward pass."""

    needs_input_grad: tuple[bool, ...]
    saved_tensors: tuple[torch.Tensor, ...]

    def save_for_backward(self, *tensors: torch.Tensor) -> None: ...


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: _Context, hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        wants_gradient = ctx.needs_input_grad[0] or ctx.needs_input_grad[1]
        hidden_gradient = torch.empty_like(hidden) if wants_gradient else None
        weight_gradient = torch.zeros_like(weight) if wants_gradient else None
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        share = (targets >= 0).float()
        share /= share.sum().clamp(min=1)
        rows = max(1, chunk_logits(hidden.device.type) // weight.shape[0])
        # Once, where autocast would do it for every chunk: a large head has more numbers than a chunk of logits.
        numbers = _numbers_of_products(weight)
        head, inputs = weight.to(numbers), hidden.to(numbers)
        for start in range(0, hidden.shape[0], rows):
            part, wanted = inputs[start : start + rows], targets[start : start + rows, None].clamp(min=0)
            part_share = share[start : start + rows, None]
            log_probabilities = F.log_softmax(product(part, head).float(), dim=-1)
            total -= (log_probabilities.gather(1, wanted) * part_share).sum()
            if hidden_gradient is not None and weight_gradient is not None:
                gradient = log_probabilities.exp_()
                gradient.scatter_add_(1, wanted, torch.full_like(wanted, -1, dtype=gradient.dtype))
                gradient.mul_(part_share)
                gradient = gradient.to(numbers)
                hidden_gradient[start : start + rows] = product(gradient, head.t())
                weight_gradient += gradient.t() @ part
        if hidden_gradient is not None and weight_gradient is not None:
            ctx.save_for_backward(hidden_gradient, weight_gradient)
        return total

    @staticmethod
    def backward(ctx: _Context, *gradients: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        hidden_gradient, weight_gradient = ctx.saved_tensors
        return hidden_gradient * gradients[0], weight_gradient * gradients[0], None


def _numbers_of_products(weight: torch.Tensor) -> torch.dtype:
    """In which numbers a product with `weight` is computed here."""
    device = weight.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else weight.dtype
