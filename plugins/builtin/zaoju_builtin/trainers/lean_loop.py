"""One optimiser step of the lean trainer, on Accelerate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from zaoju.models import CausalLM
from zaoju.training import Batches
from zaoju_builtin.trainers.options import LeanOptions

if TYPE_CHECKING:
    from accelerate import Accelerator  # type: ignore[import-untyped]  # ships no annotations


class LeanLoop:
    """A model, its optimiser and its batches; `step` moves all three on."""

    def __init__(
        self,
        model: CausalLM,
        batches: Batches,
        options: LeanOptions,
        accelerator: Accelerator,
        *,
        trained_before: bool,
    ) -> None:
        self.batches = batches
        self._options = options
        self._accelerator = accelerator
        self.model: CausalLM = accelerator.prepare(model)
        self.model.train()
        self.learning_rate = options.learning_rate or _default_learning_rate(model.width, trained_before)
        # AcceleratedOptimizer takes and gives the state of the optimiser inside.
        self.optimiser: torch.optim.Optimizer = accelerator.prepare(_optimiser(self.model, options))

    @property
    def tokens_per_step(self) -> int:
        """How many tokens a step predicts, on average."""
        return self.batches.tokens_per_batch * self._options.accumulate

    def step(self, number: int, learning_rate: float) -> tuple[torch.Tensor, int]:
        """Do step `number`, counted from 0; the mean loss of its tokens as a tensor on the device, and their number."""
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate
        total = torch.zeros((), device=self._accelerator.device)
        tokens, passes = 0, self._options.accumulate
        for index in range(number * passes, (number + 1) * passes):
            batch = self.batches.batch(index)
            tokens += int((batch[1] >= 0).sum())
            ids, targets = (part.to(self._accelerator.device) for part in batch)
            with self._accelerator.accumulate(self.model):
                with self._accelerator.autocast():
                    loss = self.model.loss(ids, targets)
                self._accelerator.backward(loss)
                if self._accelerator.sync_gradients:
                    self._accelerator.clip_grad_norm_(self.model.parameters(), self._options.clip)
                self.optimiser.step()
                self.optimiser.zero_grad()
            total += loss.detach()
        return total / passes, tokens


@contextmanager
def accelerator_for(device: str, options: LeanOptions) -> Iterator[Accelerator]:
    """An accelerator for one run. Accelerate keeps a global state, which is cleared afterwards: a process may train
    again, on another device."""
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState, GradientState  # type: ignore[import-untyped]  # the same

    accelerator = Accelerator(
        cpu=device == "cpu",
        # bf16 where the hardware has it. A CPU without the instructions would be many times slower than in float32.
        mixed_precision="bf16" if device == "cuda" and torch.cuda.is_bf16_supported() else "no",
        gradient_accumulation_steps=options.accumulate,
    )
    try:
        yield accelerator
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)
        GradientState._reset_state()


def _default_learning_rate(width: int, trained_before: bool) -> float:
    """The peak for a model of this width: 5e-4 for GPT-2's 768 and 2e-3 for 192, in inverse proportion as in muP (Yang
    et al., 2022), within bounds that small and large models bear. A trained model is moved a tenth as fast."""
    fresh = min(max(0.4 / width, 1e-4), 3e-3)
    return fresh / 10 if trained_before else fresh


def _optimiser(model: CausalLM, options: LeanOptions) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter, 2019), fused where torch has it, without weight decay on norms and biases."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": options.weight_decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    fused = next(model.parameters()).device.type in ("cpu", "cuda")
    return torch.optim.AdamW(groups, lr=0.0, betas=options.betas, fused=fused)
