"""What a run will cost, before it starts."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from zaoju.errors import UserError
from zaoju.models import GPT2, CausalLM, GPT2Config, LeanLM, Llama
from zaoju.planning import PRECISIONS, ModelShape, Pass, Sharding, device_memory, state_bytes, taken_from_system
from zaoju.training.batches import Batches
from zaoju.training.processes import from_main

_SHARE_FOR_STEPS = 0.88
"""The part of a time budget that goes to steps where looks at held-out text were not timed."""

_SHARE_BESIDE_CHECKPOINTS = 0.97
"""The part that is left for steps and looks where looks were timed."""

_SHARE_FOR_LOOKS = 0.1
_MOST_LOOKS = 6

_TIMED_SECONDS = 3.0
_MOST_TIMED_STEPS = 12
_USUAL_STEPS = 256
"""By so many steps it is known how many places one has on average."""

_TIMED_SHARE = 0.02
"""Of a time budget, for timing."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How long to train: exactly one of the three is set."""

    steps: int | None = None
    epochs: float | None = None
    minutes: float | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """What was timed before a run begins."""

    step_seconds: float
    look_seconds: float | None = None
    """Of a look at held-out text; None where none was timed."""

    spent: float = 0.0
    """Seconds of the budget that are gone already."""


def count_looks(budget: Budget, pace: Pace | None) -> int:
    """How many looks at held-out text a run has by default: six, or fewer where they would take more than a tenth of
    the minutes."""
    if budget.minutes is None or pace is None or not pace.look_seconds:
        return _MOST_LOOKS
    affordable = int(_SHARE_FOR_LOOKS * budget.minutes * 60 / pace.look_seconds)
    return min(_MOST_LOOKS, max(1, affordable))


def count_steps(
    budget: Budget, batches: Batches, batches_per_step: int, pace: Pace | None = None, looks: int | None = None
) -> int:
    """How many steps a budget gives. A budget of minutes needs a `pace`; without `looks` there are the usual ones.

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
    elif budget.minutes is not None and pace is not None:
        left = budget.minutes * 60 - pace.spent
        if pace.look_seconds is None:
            left *= _SHARE_FOR_STEPS
        else:
            left = left * _SHARE_BESIDE_CHECKPOINTS - (looks or count_looks(budget, pace)) * pace.look_seconds
        steps = int(left / pace.step_seconds)
        reason = f"one step takes {pace.step_seconds:.1f} s here, and minutes: {budget.minutes:g} was asked for"
    else:
        raise ValueError("a budget of minutes needs a pace")
    if steps < 1:
        raise UserError(
            f"the training would have 0 steps: {reason}. Ask for more, or make batch_size or accumulate smaller"
        )
    return steps


def estimate_memory(
    model: CausalLM,
    tokens_per_pass: int,
    *,
    window: int | None = None,
    device: str = "cpu",
    accumulates: bool = False,
    bfloat16: bool = False,
    averages: bool = False,
    sharding: Sharding | None = None,
) -> int:
    """The peak in bytes: weights, gradients, AdamW, and what one pass over `tokens_per_pass` tokens keeps.

    By the formulas of `zaoju.planning`, and what dropout keeps on `device`, in windows of `window` tokens (without it,
    of the model's context). Weights that are not trained have no gradient and no moments. `accumulates` says that
    several passes make a step, `bfloat16` that layers compute in it over float32 weights, `averages` that an average of
    each trained weight is kept, `sharding` how all that is divided among devices, of which one is meant. What
    the libraries take, about 0.3 GB, comes on top.
    """
    sharding = sharding or Sharding()
    shape, precision = _shape_of(model), PRECISIONS["autocast" if bfloat16 else "float32"]
    if averages:
        precision = precision.with_averages()
    logits = model.logits_of_loss(tokens_per_pass) if isinstance(model, LeanLM) else None
    one = Pass(sequences=1, precision=precision, most_logits=logits, accumulates=accumulates)
    sharding = replace(sharding, checkpointing="full" if model.recomputes else "none")
    memory = device_memory(shape.with_window(tokens_per_pass), sharding, one)
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    moving = state_bytes(trained, precision, sharding.stage, sharding.data)
    counted = replace(
        memory,
        weights=state_bytes(model.parameter_count(), precision, sharding.stage, sharding.data).weights,
        gradients=moving.gradients,
        optimiser=moving.optimiser,
    )
    dropped = _dropout_bytes(model, tokens_per_pass, window or model.context_length, device, precision.value)
    return round(taken_from_system(counted.total + dropped, shape, tokens_per_pass))


def _dropout_bytes(model: CausalLM, tokens: int, window: int, device: str, value: int) -> int:
    """What dropout keeps for the backward pass over `tokens` tokens, where a number takes `value` bytes.

    On a GPU a byte for each number that may be left out, and no scores of attention, whose kernels draw them again. On
    a CPU torch keeps a factor for each number, and attention with dropout has no kernel of its own: each layer keeps
    its scores as softmax gives them, their factors, and what is left of them, in float32 always; two more stand in the
    one at work. An input that is dropped for one matrix alone is kept as that matrix gets it,
    too; that it is no longer kept as it came is left out, so this is the most.
    """
    layers = 1 if model.recomputes else model.layers
    residual = tokens * model.width * (2 * layers + 1) if model.residual_dropout else 0
    inputs = tokens * model.dropped_inputs * layers // model.layers
    if device != "cpu":
        return residual + inputs * (1 + value)
    residual += 2 * inputs
    scores = tokens * min(window, tokens) * model.heads if model.attention_dropout else 0
    return value * residual + 4 * scores * (3 * layers + 2)


def _shape_of(model: CausalLM) -> ModelShape:
    """The shape of a model; of an architecture that the formulas do not know, that of the GPT-2 of its width."""
    if isinstance(model, GPT2):
        return ModelShape.gpt2(model.config)
    if isinstance(model, Llama):
        return ModelShape.llama(model.config)
    like = GPT2Config(
        vocab_size=model.vocabulary_size,
        n_positions=model.context_length,
        n_embd=model.width,
        n_layer=model.layers,
        n_head=1,
    )
    return ModelShape.gpt2(like)


def time_steps(step: Callable[[int], object], batches: Batches, batches_per_step: int, budget: Budget) -> float:
    """About the seconds of a step in the run, by calls of `step` with the numbers of the first ones.

    Takes about three seconds, or two calls; less where the budget is a short time. Documents make small and large
    batches, so it is the median of the time for each place that counts, and how many places there are in a usual step.
    """

    def places(number: int) -> int:
        return sum(batches.places(number * batches_per_step + one) for one in range(batches_per_step))

    most = _TIMED_SECONDS if budget.minutes is None else min(_TIMED_SECONDS, _TIMED_SHARE * 60 * budget.minutes)
    step(0)
    seconds: list[float] = []
    while not seconds or (sum(seconds) < most and len(seconds) < _MOST_TIMED_STEPS):
        number = len(seconds) + 1
        begin = time.perf_counter()
        step(number)
        # All processes must do as many steps, here and afterwards.
        seconds.append(from_main(time.perf_counter() - begin))
    for_a_place = statistics.median(taken / places(number) for number, taken in enumerate(seconds, 1))
    return for_a_place * statistics.fmean(places(number) for number in range(_USUAL_STEPS))
