"""How many windows a step learns from, where nobody says: it follows from the length of the run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from zaoju.planning import WINDOWS_OF_GIVEN_STEPS, windows_of_step
from zaoju.training import Budget, count_processes, time_steps
from zaoju_builtin.trainers.lean_loop import LeanLoop
from zaoju_builtin.trainers.options import LeanOptions
from zaoju_builtin.trainers.planning import budget_of

_TIMED_WINDOWS = 8
_SHARE_FOR_STEPS = 0.8


def size_by_length(
    options: LeanOptions, loop_for: Callable[[LeanOptions], AbstractContextManager[LeanLoop]]
) -> LeanOptions:
    """`options` with a `batch_size` that makes steps about the best for the run's length: see `windows_of_step`.

    Where the steps are given, there are always as many windows.
    """
    budget = budget_of(options)
    if budget.steps is not None:
        return options.model_copy(update={"batch_size": _shared(WINDOWS_OF_GIVEN_STEPS, options)})
    timed = options.model_copy(update={"batch_size": _shared(_TIMED_WINDOWS, options)})
    with loop_for(timed) as loop:
        window_tokens = loop.batches.tokens_per_batch / loop.batches.batch_size
        windows = windows_of_step(_tokens_of(budget, loop, window_tokens, options.accumulate), window_tokens)
    return options.model_copy(update={"batch_size": _shared(windows, options)})


def _tokens_of(budget: Budget, loop: LeanLoop, window_tokens: float, passes: int) -> float:
    if budget.epochs is not None:
        return budget.epochs * loop.batches.windows * window_tokens
    assert budget.minutes is not None, "a budget has one of the three"
    seconds = time_steps(loop.try_step, loop.batches, passes, budget)
    return _SHARE_FOR_STEPS * budget.minutes * 60 / seconds * loop.tokens_per_step


def _shared(windows: int, options: LeanOptions) -> int:
    """So many windows by all passes of a step, and no fewer than there are processes in each."""
    return max(1, windows // options.accumulate, count_processes())
