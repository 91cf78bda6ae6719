"""What a run will cost, before it starts."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from zaoju.errors import UserError
from zaoju.models import CausalLM
from zaoju.training.batches import Batches

_BYTES_PER_PARAMETER = 16
"""The weight, its gradient and AdamW's two moments, in float32."""

_BYTES_PER_WEIGHT = 4
"""The weight alone."""

_VECTORS_PER_LAYER = 20
"""How many vectors of the model's width a layer keeps per token for the backward pass: norms, queries, keys, values,
attention, and the feed-forward part at four times the width, before and after its activation."""

_LOGITS_KEPT = 3
"""Logits, their logarithms and their gradient."""

_TRAINING_SHARE = 0.88
"""The part of a time budget that goes to steps; the rest is for held-out scores, samples and checkpoints."""

_TIMED_SECONDS = 3.0
_MOST_TIMED_STEPS = 12


@dataclass(frozen=True, slots=True)
class Budget:
    """How long to train: exactly one of the three is set."""

    steps: int | None = None
    epochs: float | None = None
    minutes: float | None = None


def count_steps(budget: Budget, batches: Batches, batches_per_step: int, step_seconds: float | None = None) -> int:
    """How many steps a budget gives. A budget of minutes needs `step_seconds`, the time of one step.

    Raises `UserError`, with the numbers, where not one step would be done.
    """
    windows_per_step = batches.batch_size * batches_per_step
    if budget.steps is not None:
        steps, reason = budget.steps, f"steps: {budget.steps} was asked for"
    elif budget.epochs is not None:
        steps = round(budget.epochs * batches.windows / windows_per_step)
        reason = (
            f"epochs: {budget.epochs:g} of {batches.windows} windows of {batches.window} tokens is less than half of "
            f"a step of {windows_per_step} windows"
        )
    elif budget.minutes is not None and step_seconds is not None:
        steps = int(budget.minutes * 60 * _TRAINING_SHARE / step_seconds)
        reason = f"one step takes {step_seconds:.1f} s here, and minutes: {budget.minutes:g} was asked for"
    else:
        raise ValueError("a budget of minutes needs the time of a step")
    if steps < 1:
        raise UserError(
            f"the training would have 0 steps: {reason}. Ask for more, or make batch_size or accumulate smaller"
        )
    return steps


def estimate_memory(model: CausalLM, tokens_per_pass: int) -> int:
    """The peak in bytes: weights, gradients, AdamW and what one pass over `tokens_per_pass` tokens keeps.

    Weights that are not trained have no gradient and no moments.
    """
    activations = tokens_per_pass * model.width * (model.layers * _VECTORS_PER_LAYER + 4) * 4
    logits = model.logits_of_loss(tokens_per_pass) * 4 * _LOGITS_KEPT
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    frozen = model.parameter_count() - trained
    return trained * _BYTES_PER_PARAMETER + frozen * _BYTES_PER_WEIGHT + activations + logits


def time_steps(step: Callable[[], object]) -> float:
    """The median seconds of a call of `step`, after one that warms up. Takes about three seconds, or two calls."""
    step()
    seconds: list[float] = []
    while not seconds or (sum(seconds) < _TIMED_SECONDS and len(seconds) < _MOST_TIMED_STEPS):
        begin = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)
