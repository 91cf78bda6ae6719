"""The kit for executors."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from zaoju.contracts import Executor, Options
from zaoju.errors import Cancelled, UserError
from zaoju.testing.component import ComponentContract
from zaoju.testing.requirements import pytest

_TASKS = 12


class ExecutorContract(ComponentContract):
    """Checks a `zaoju.Executor`: every task is done, what goes wrong arrives, and it stops when it is told to.

    ```python
    class TestMyCluster(ExecutorContract):
        component = "my_cluster"
    ```
    """

    kind = "executor"

    patience = 30.0
    """Seconds that a cancelled piece of work may take to end; tasks that are not interrupted would take longer."""

    @pytest.fixture
    @classmethod
    def executor(cls) -> Executor[Options]:
        """The executor that is checked."""
        return cls.build(Executor)

    @pytest.mark.parametrize("workers", [1, 2, 0])
    def test_every_task_is_done_once(self, executor: Executor[Options], workers: int) -> None:
        """Each result comes with the place of its task."""
        results = list(executor.run(_Times(3), range(_TASKS), workers=workers, cancel=threading.Event()))
        twice = [place for place, times in Counter(place for place, _ in results).items() if times > 1]
        assert not twice, f"run() gave the results of the tasks {twice} more than once"
        given = dict(results)
        assert given == {place: 3 * place for place in range(_TASKS)}, f"run() gave {given} for the numbers times 3"

    def test_no_tasks_give_no_results(self, executor: Executor[Options]) -> None:
        """An empty piece of work ends at once."""
        assert list(executor.run(_Times(3), [], workers=2, cancel=threading.Event())) == []

    def test_an_error_of_the_function_arrives(self, executor: Executor[Options]) -> None:
        """Its type and its message are what the user is told."""
        with pytest.raises(UserError, match="task 7 cannot be done"):
            list(executor.run(_fail_at_seven, range(_TASKS), workers=2, cancel=threading.Event()))

    def test_a_worker_that_always_dies_is_an_error(self, executor: Executor[Options]) -> None:
        """Trying again for ever would look like work."""
        with pytest.raises(UserError):
            list(executor.run(_die, range(2), workers=2, cancel=threading.Event()))

    def test_it_can_be_cancelled(self, executor: Executor[Options]) -> None:
        """Tasks that are being done are given up."""
        cancel = threading.Event()
        threading.Timer(1.0, cancel.set).start()
        started = time.monotonic()
        with pytest.raises(Cancelled):
            list(executor.run(_sleep, range(2), workers=2, cancel=cancel))
        assert time.monotonic() - started < self.patience, "run() went on after `cancel` was set"


class _Times:
    """Multiplies, as an object that keeps a value of its own."""

    def __init__(self, factor: int) -> None:
        self.factor = factor

    def __call__(self, task: int) -> int:
        return self.factor * task


def _fail_at_seven(task: int) -> int:
    if task == 7:
        raise UserError("task 7 cannot be done")
    return task


def _die(task: Any) -> Callable[[], None]:  # noqa: ANN401  # it gives nothing back
    os._exit(9)


def _sleep(task: int) -> int:
    time.sleep(120)
    return task
