"""The loss as one compiled function: many small kernels of a GPU become few. Decided where a run is begun."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import torch

from zaoju.errors import UserError
from zaoju.models import CausalLM, LeanLM
from zaoju.planning import flops_without_attention
from zaoju.training import Batches, PackedBatches, count_steps
from zaoju_builtin.trainers.options import LeanOptions
from zaoju_builtin.trainers.planning import budget_of

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

_PAYS_AFTER_MINUTES = 3.0
_PAYS_AFTER_FLOPS = 2e16
"""What a GPU of 2023 does in about two minutes of training that is not compiled (an H100: 140 TFLOP/s). Compiling takes
up to a minute, and then steps take less than half the time."""


def is_compiled(options: LeanOptions, model: CausalLM, batches: Batches, device: str) -> bool:
    """Whether a run of these computes its loss by compiled code.

    `auto` does on a GPU alone, where there is Triton, for zaoju's own models and windows of one length, and for a run
    that is long enough. On a CPU compiled steps were slower than those by oneDNN's products (docs/speed.md).
    """
    if options.compile != "auto":
        return options.compile
    if device != "cuda" or options.sharding != "none" or find_spec("triton") is None:
        return False
    return isinstance(model, LeanLM) and isinstance(batches, PackedBatches) and _is_long(options, model, batches)


def _is_long(options: LeanOptions, model: CausalLM, batches: Batches) -> bool:
    budget = budget_of(options)
    if budget.minutes is not None:
        return budget.minutes >= _PAYS_AFTER_MINUTES
    steps = count_steps(budget, batches, options.accumulate)
    tokens = steps * options.accumulate * batches.tokens_per_batch
    return flops_without_attention(model.parameter_count(), tokens) >= _PAYS_AFTER_FLOPS


def compiled_loss(model: CausalLM) -> Loss:
    """`model.loss`, compiled when it is first called. Raises `UserError` then where this machine cannot compile."""
    # What the compilers raise has no public name; a test sees one of them fail, so that a new version of torch tells.
    from torch._dynamo.exc import TorchDynamoException

    compiled: Loss = torch.compile(model.loss)

    def loss(ids: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        try:
            return compiled(ids, targets)
        except TorchDynamoException as error:
            why = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
            raise UserError(
                f"the training's loss cannot be compiled on this machine ({why}): set trainer.compile to false, or "
                "install what torch.compile needs: Triton for a GPU, a C++ compiler for a CPU"
            ) from error

    return loss
