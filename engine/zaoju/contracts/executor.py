"""The contract of executors: where the tasks of one big piece of work are done."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from zaoju.contracts.options import OptionsT_co

TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")


class Executor(ABC, Generic[OptionsT_co]):
    """Applies a function to many tasks at once: in processes, or on the machines of a cluster."""

    def __init__(self, options: OptionsT_co) -> None:
        self.options = options

    @abstractmethod
    def run(
        self,
        function: Callable[[TaskT], ResultT],
        tasks: Sequence[TaskT],
        *,
        workers: int,
        cancel: threading.Event,
    ) -> Iterator[tuple[int, ResultT]]:
        """Each task's place in `tasks` with what `function` makes of it, in the order in which they are done.

        Function, tasks and results can be pickled. At most `workers` tasks are done at once; 0 means as many as there
        are cores. A task may be begun again where a worker was lost, so doing it twice must do no harm.

        Raises what `function` raises; `UserError` where a worker dies and cannot be replaced; and `Cancelled` within a
        second after `cancel` is set. No worker is left once the iterator has ended, raised or been closed.
        """
