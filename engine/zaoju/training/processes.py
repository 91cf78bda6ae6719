"""What the processes that train together say to each other, by torch.distributed.

A process on its own is the main one, and nothing here costs anything. Every call is made by all processes in the same
order. It goes over the CPU, so no process waits for its GPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import torch
from torch import distributed

from zaoju.errors import EndedElsewhere

T = TypeVar("T")


def count_processes() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if _together() else 1


def process_number() -> int:
    """The number of this process, from 0; that of the main one is 0."""
    return distributed.get_rank() if _together() else 0


def any_process(*flags: bool) -> list[bool]:
    """Which of these flags is set in at least one process."""
    if not _together():
        return list(flags)
    values = torch.tensor(flags, dtype=torch.int32)
    distributed.all_reduce(values, distributed.ReduceOp.MAX)
    return [bool(value) for value in values.tolist()]


def from_main(value: T) -> T:
    """The value that the main process gives, in all of them."""
    if not _together():
        return value
    values: list[object] = [value]
    distributed.broadcast_object_list(values, device=torch.device("cpu"))
    return cast("T", values[0])


def main_does(work: Callable[[], T]) -> T:
    """Let the main process do `work` while the others wait; its result, in all of them.

    Where it raises, the others raise `EndedElsewhere`.
    """
    if process_number() == 0:
        try:
            result = work()
        except Exception:
            from_main((False, None))
            raise
        return from_main((True, result))[1]
    done, given = from_main((False, cast("T", None)))
    if not done:
        raise EndedElsewhere
    return given


def _together() -> bool:
    return distributed.is_available() and distributed.is_initialized()
