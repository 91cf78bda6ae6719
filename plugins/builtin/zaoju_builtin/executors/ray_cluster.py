"""Tasks on the machines of a Ray cluster (https://www.ray.io)."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import ray
from ray.exceptions import RayError, RayTaskError

from zaoju import Cancelled, Executor, UserError
from zaoju.workers import cores
from zaoju_builtin.executors.options import RayOptions

TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")

_SECONDS_BETWEEN_LOOKS = 0.1


class RayExecutor(Executor[RayOptions]):
    """Ray tasks, which Ray places on the machines of a cluster and begins again where one of them is lost.

    Every machine must have this installation of Python packages and see the files of the corpus and the folder of the
    run under the same paths, as on a shared file system.
    """

    def run(
        self,
        function: Callable[[TaskT], ResultT],
        tasks: Sequence[TaskT],
        *,
        workers: int,
        cancel: threading.Event,
    ) -> Iterator[tuple[int, ResultT]]:
        """Results as they come. Raises `UserError` where there is no such cluster, or where all retries are used up."""
        with _connected(self.options.address, workers), _told():
            yield from self._run(function, tasks, workers or len(tasks), cancel)

    def _run(
        self, function: Callable[[TaskT], ResultT], tasks: Sequence[TaskT], at_once: int, cancel: threading.Event
    ) -> Iterator[tuple[int, ResultT]]:
        remote: Any = ray.remote(num_cpus=self.options.cpus, max_retries=self.options.retries)(_apply)
        sent = ray.put(function)
        running: dict[Any, int] = {}
        following = iter(enumerate(tasks))
        try:
            while True:
                for place, task in following:
                    running[remote.remote(sent, task)] = place
                    if len(running) >= at_once:
                        break
                if not running:
                    return
                done, _ = ray.wait([*running], timeout=_SECONDS_BETWEEN_LOOKS)
                if cancel.is_set():
                    raise Cancelled("the work on the Ray cluster was cancelled")
                for reference in done:
                    yield running.pop(reference), ray.get(reference)
        finally:
            for reference in running:
                ray.cancel(reference, force=True)


def _apply(function: Callable[[Any], Any], task: Any) -> Any:  # noqa: ANN401  # whatever `run` was given
    return function(task)


@contextmanager
def _told() -> Iterator[None]:
    """What a task raised is raised as it was; what happened to Ray itself is told in plain words."""
    try:
        yield
    except RayTaskError as error:
        raise error.cause from error
    except RayError as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"the Ray cluster could not do part of the work: {reason}. Where a machine was lost, raise `retries:`;"
            " where memory ran out, take fewer `workers:`. The same run again goes on with what is missing."
        ) from error


@contextmanager
def _connected(address: str, workers: int) -> Iterator[None]:
    """Connect to the cluster while the block runs; a connection that the program already has is used and kept."""
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else Ray reports to its makers over the network
    own: dict[str, Any] = {"num_cpus": workers or cores(), "include_dashboard": False} if address == "local" else {}
    try:
        ray.init(address=address, log_to_driver=False, **own)
    except (ConnectionError, ValueError, RayError) as error:
        raise UserError(
            f"there is no Ray cluster at {address!r}: {error}; start one with `ray start --head`, name its `address:`,"
            " or take `executor: processes`"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()
