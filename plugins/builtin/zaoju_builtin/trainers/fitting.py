"""Batches that fit into memory: what to propose where one did not, and the best one found by trying."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

import torch

from zaoju.contracts import Notice, TrainingRun
from zaoju.errors import UserError
from zaoju.models import CausalLM, free_address_space, free_memory, is_out_of_memory
from zaoju.planning import Sharding
from zaoju.training import Batches, count_processes, estimate_memory, read_counters
from zaoju_builtin.trainers.options import LeanOptions, TrainerOptions
from zaoju_builtin.trainers.sharding import sharding_of

OptionsT = TypeVar("OptionsT", bound=TrainerOptions)

_UNCERTAIN = 0.15
"""How far the estimate of a step's memory may be off."""

_TIMED_SECONDS = 0.5
_MOST_TIMED = 5

_NOT_SLOWER = 1.05
"""A batch may take so much longer per token than the fastest one: passes are not timed more exactly than that."""


class TriedLoop(Protocol):
    """A training that is begun to see how fast it is, and then thrown away."""

    def try_step(self, number: int) -> None:
        """A whole step on part `number` of the data, after which all that a training keeps is there. Waits for it."""

    def try_pass(self, index: int) -> int:
        """One pass over batch `index`, forwards and backwards; its tokens. Waits for it."""


class TooLittleMemory(UserError):
    """A step does not fit into memory. The message proposes one that does and learns from as many tokens."""


@contextmanager
def within_memory(
    run: TrainingRun,
    model: CausalLM,
    batches: Batches,
    options: TrainerOptions,
    *,
    bfloat16: bool,
    foreseen: bool = True,
) -> Iterator[None]:
    """Raises `TooLittleMemory` where memory runs out in the block, and on a CPU before it where that is `foreseen`: a
    system that has given out more than it has kills the process without a word."""
    free = free_memory(torch.device(run.device), swap=True)
    space = free_address_space() if run.device == "cpu" else None
    there = sum(p.numel() * p.element_size() for p in model.parameters() if p.device.type == run.device)

    def needed(windows: int) -> int:
        accumulates = windows < batches.batch_size * options.accumulate
        whole = estimate_memory(
            model,
            windows * batches.window,
            window=batches.window,
            device=run.device,
            accumulates=accumulates,
            bfloat16=bfloat16,
            averages=isinstance(options, LeanOptions) and options.ema is not None,
            sharding=sharding_of(options) if isinstance(options, LeanOptions) else Sharding(),
        )
        return whole - there

    needs = needed(-(-batches.batch_size // count_processes()))
    if foreseen and free is not None and run.device == "cpu" and needs * (1 - _UNCERTAIN) > free:
        raise TooLittleMemory(
            f"with batch_size: {batches.batch_size} and windows of {batches.window} tokens a step needs about "
            f"{_mib(needs + there)} of memory, and there are {_mib(free + there)}. "
            + _proposal(needed, free, space, batches, options)
        )
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise TooLittleMemory(
            f"memory ran out with batch_size: {batches.batch_size} and windows of {batches.window} tokens: "
            f"{str(error).splitlines()[0] if str(error) else type(error).__name__}. "
            + _proposal(needed, free, space, batches, options)
        ) from error


def settle_batch_size(
    run: TrainingRun,
    options: OptionsT,
    found: Path | None,
    loop_for: Callable[[OptionsT], AbstractContextManager[TriedLoop]],
) -> OptionsT:
    """`options` with a number as their `batch_size`: their own, that of the checkpoint `found`, or one that is found by
    trying."""
    if isinstance(options.batch_size, int):
        return options
    if found is None:
        return find_batch_size(run, options, loop_for)
    chosen = read_counters(found).identity
    return options.model_copy(update={name: chosen[name] for name in ("batch_size", "accumulate")})


def find_batch_size(
    run: TrainingRun, options: OptionsT, loop_for: Callable[[OptionsT], AbstractContextManager[TriedLoop]]
) -> OptionsT:
    """`options` with the largest batch that fits and is no slower per token than smaller ones, and as many passes as
    give the windows of a step. Every divisor of that number is tried, the smallest first.

    Raises `TooLittleMemory` where not even a single window fits.
    """
    if count_processes() > 1:
        raise UserError(
            "trainer.batch_size: auto is found by trying in one process: give a number, or begin the training without "
            "torchrun, and go on with --inexact"
        )
    windows = options.windows_per_step
    speeds: dict[int, float] = {}
    for size in _divisors(windows):
        chosen = options.model_copy(update={"batch_size": size, "accumulate": windows // size})
        try:
            with loop_for(chosen) as loop:
                speeds[size] = _tokens_per_second(loop)
        except TooLittleMemory:
            if not speeds:
                raise
            break
        finally:
            gc.collect()
            if run.device == "cuda":
                torch.cuda.empty_cache()
    size = choose_size(speeds)
    tried = ", ".join(f"{one}: {speed:,.0f}" for one, speed in speeds.items())
    more = "" if windows in speeds else "; larger ones do not fit into memory"
    run.emit(
        Notice(
            f"batch_size: auto takes batch_size: {size} and accumulate: {windows // size}, from here on for this run; "
            f"tokens per second by size: {tried}{more}"
        )
    )
    return options.model_copy(update={"batch_size": size, "accumulate": windows // size})


def choose_size(speeds: dict[int, float]) -> int:
    """The largest of the sizes whose tokens per second are as good as the best."""
    return max(size for size, speed in speeds.items() if speed * _NOT_SLOWER >= max(speeds.values()))


def _tokens_per_second(loop: TriedLoop) -> float:
    """Of the passes alone, when everything that a training keeps is there."""
    loop.try_step(0)
    passes: list[float] = []
    while len(passes) < 2 or (sum(passes) < _TIMED_SECONDS and len(passes) < _MOST_TIMED):
        begin = time.perf_counter()
        tokens = loop.try_pass(len(passes))
        passes.append(tokens / (time.perf_counter() - begin))
    return max(passes)


def _proposal(
    needed: Callable[[int], int], free: int | None, space: int | None, batches: Batches, options: TrainerOptions
) -> str:
    """Which smaller batch gives the same step."""
    windows = batches.batch_size * options.accumulate
    smaller = [size for size in _divisors(windows) if size < batches.batch_size]

    def fitting_in(most: int | None) -> list[int]:
        return [size for size in smaller if most is None or needed(size) * (1 + _UNCERTAIN) <= most]

    # Where threads to come may take what the smallest needs, it may fit all the same.
    fitting = [size for size in fitting_in(free) if size in fitting_in(space)] or fitting_in(free)[:1]
    smallest = "Take a smaller model or a shorter trainer.window, or end other programs"
    if not fitting:
        return smallest if not smaller else f"Not even one window fits. {smallest}"
    size = max(fitting)
    return (
        f"Set trainer.batch_size to {size} and trainer.accumulate to {windows // size}: a step then learns from as "
        f"many tokens. With batch_size: auto and windows_per_step: {windows} such numbers are found by trying"
        + (
            ". With checkpointing: full a batch needs far less, for up to a third more time"
            if isinstance(options, LeanOptions) and options.checkpointing == "none"
            else ""
        )
    )


def _divisors(number: int) -> list[int]:
    return [one for one in range(1, number + 1) if number % one == 0]


def _mib(count: int) -> str:
    return f"{count / 2**20:,.0f} MiB"
