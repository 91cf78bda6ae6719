"""Tasks in processes of this machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from zaoju import Cancelled, Executor, Options, UserError
from zaoju.workers import cores, worker_processes

TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")

_SECONDS_BETWEEN_LOOKS = 0.1


class ProcessExecutor(Executor[Options]):
    """A pool of processes, each with a copy of the function."""

    def run(
        self,
        function: Callable[[TaskT], ResultT],
        tasks: Sequence[TaskT],
        *,
        workers: int,
        cancel: threading.Event,
    ) -> Iterator[tuple[int, ResultT]]:
        """Results as they come. A process that dies ends the work: what it died of would happen again."""
        try:
            with worker_processes(function, min(workers or cores(), len(tasks) or 1)) as submit:
                waiting: dict[Future[ResultT], int] = {submit(task): place for place, task in enumerate(tasks)}
                while waiting:
                    done, _ = wait(waiting, _SECONDS_BETWEEN_LOOKS, FIRST_COMPLETED)
                    if cancel.is_set():
                        raise Cancelled("the work in processes was cancelled")
                    for future in done:
                        yield waiting.pop(future), future.result()
        except BrokenProcessPool as error:
            raise UserError(
                "a process that did part of the work died; if memory ran out, take fewer `workers:`, or 1."
                " A script that starts zaoju must do so under `if __name__ == '__main__':`, as processes import it"
                " again."
            ) from error
