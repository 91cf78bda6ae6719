"""Muon over all matrices of one shape at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, overload

import torch

_COEFFICIENTS = (
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
    (3.3184196573706015, -2.488488024314874, 0.51004894012372),
    (2.300652019954817, -1.6689039845747493, 0.4188073119525673),
)
"""Of the steps towards the orthogonal matrix: Amsel et al., 2025, "The Polar Express" (arXiv 2505.16932)."""

_SAFETY = 1.01
"""Past its upper bound a singular value grows without limit from step to step, and in bfloat16 rounding may take it
there: so every step, and the norm at the beginning, leaves as much room as the paper's own implementation does."""


class Muon(torch.optim.Optimizer):
    """Momentum whose step is made orthogonal: Jordan et al., 2024, scaled to AdamW's step as by Liu et al., 2025 (arXiv
    2502.16982), so that both take one learning rate.

    The matrices of one shape are made orthogonal together, in `numbers`: torch's own Muon takes them one by one, and
    always in bfloat16, which most processors multiply many times slower than float32.
    """

    def __init__(
        self,
        groups: Iterable[dict[str, Any]],
        *,
        weight_decay: float,
        numbers: torch.dtype,
        momentum: float = 0.95,
    ) -> None:
        self._numbers = numbers
        super().__init__(groups, {"lr": 0.0, "weight_decay": weight_decay, "momentum": momentum})

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            by_shape: dict[tuple[torch.Size, bool], list[torch.Tensor]] = {}
            for matrix in group["params"]:
                if matrix.grad is not None:
                    by_shape.setdefault(matrix.shape, []).append(matrix)
            for matrices in by_shape.values():
                self._step(matrices, group["lr"], group["weight_decay"], group["momentum"])
        return loss

    def _step(self, matrices: Sequence[torch.Tensor], rate: float, decay: float, momentum: float) -> None:
        """Move matrices of one shape."""
        ahead = []
        for matrix in matrices:
            assert matrix.grad is not None, "only matrices with a gradient are moved"
            average = self._average_of(matrix).lerp_(matrix.grad, 1 - momentum)
            ahead.append(matrix.grad.lerp(average, momentum))  # Nesterov's
        scale = 0.2 * max(matrices[0].shape) ** 0.5
        steps = orthogonal(torch.stack(ahead), self._numbers).to(matrices[0].dtype)
        for matrix, step in zip(matrices, steps, strict=True):
            matrix.mul_(1 - rate * decay).add_(step, alpha=-rate * scale)

    def _average_of(self, matrix: torch.Tensor) -> torch.Tensor:
        state = self.state[matrix]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(matrix)
        average: torch.Tensor = state["momentum_buffer"]
        return average


def orthogonal(matrices: torch.Tensor, numbers: torch.dtype) -> torch.Tensor:
    """[N, A, B] in `numbers`: about U V^T of each of `matrices` [N, A, B] = U S V^T."""
    high = matrices.shape[1] > matrices.shape[2]
    x = (matrices.mT if high else matrices).to(numbers)
    x = x / (x.norm(dim=(1, 2), keepdim=True) * _SAFETY).clamp(min=1e-7)
    for a, b, c in _COEFFICIENTS:
        gram = x @ x.mT
        polynomial = torch.baddbmm(gram, gram, gram, beta=b / _SAFETY**3, alpha=c / _SAFETY**5)
        x = torch.baddbmm(x, polynomial, x, beta=a / _SAFETY)
    return x.mT if high else x
