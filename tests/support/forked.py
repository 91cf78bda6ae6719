"""Work in a copy of this process, which may die there."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable


def start_child(work: Callable[[], object]) -> int:
    """Do `work` in a copy of this process, which ends with 0, or with 1 and a traceback; its number."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:  # noqa: BLE001  # whatever it is: the copy of a test process must not go on
            traceback.print_exc(file=sys.__stderr__)
            os._exit(1)
    return child


def exit_code(child: int) -> int:
    """Wait for the end of a child; its exit code, negative for the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def in_child(work: Callable[[], object]) -> int:
    """Do `work` in a copy of this process; its exit code."""
    return exit_code(start_child(work))
