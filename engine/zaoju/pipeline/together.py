"""One training in several processes, which `torchrun` or `accelerate launch` has started.

The main process does all that comes before and after the training, while the others ask a store of torch.distributed
every now and then whether it has come so far: a preparation may take days, and signals must get through meanwhile.
"""

from __future__ import annotations

import gc
import json
import os
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta

import torch
from torch import distributed
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from zaoju.errors import Cancelled, EndedElsewhere, ProcessError, UserError
from zaoju.launched import number_of_processes

_MEETING = timedelta(minutes=10)
"""They are started at the same time, so this is only what machines differ in."""

_PATIENCE = timedelta(days=7)
"""The others wait in a collective while the main process scores and writes. A dead process is noticed at once."""

_ASK_EVERY_SECONDS = 0.05
_TELLING_SECONDS = 3.0
"""Where all processes come upon the same error, the main one has that long to tell of it; and it waits that long until
the others have heard how it ended, since the store may end with it."""

_TASK, _FINISHED, _TOLD, _HEARD = "task", "finished", "told", "heard"


class Together:
    """The processes of one training. They end together, and an error is told of once."""

    def __init__(self, cancel: threading.Event) -> None:
        self._cancel = cancel
        store, self._number, self._count = _meet()
        training = store.add(f"zaoju/{self._number}", 1)  # a program may train several times
        self._store = PrefixStore(f"zaoju/training-{training}", store)

    @property
    def is_main(self) -> bool:
        """Whether this is the main process."""
        return self._number == 0

    def begin(self, task: Mapping[str, str], device: str) -> None:
        """Tell the others what to train, in the main process, and be joined by them."""
        self._store.set(_TASK, json.dumps(task))
        self._join(device)

    def wait_for_task(self, device: str) -> Mapping[str, str] | None:
        """What to train, once the main process begins; None where it finds that there is nothing to train."""
        self._wait_for(_TASK, _FINISHED)
        if not self._store.check([_TASK]):
            return None
        self._join(device)
        task: Mapping[str, str] = json.loads(self._store.get(_TASK))
        return task

    def finish(self, result: str) -> str:
        """Give the result of the main process, which is all done then, to the others."""
        if self.is_main:
            self._store.set(_FINISHED, result)
            self._wait_until_heard()
            return result
        self._wait_for(_FINISHED)
        result = self._store.get(_FINISHED).decode("utf-8")
        self._store.add(_HEARD, 1)
        return result

    @contextmanager
    def ending_together(self) -> Iterator[None]:
        """Where the block raises, in one process or in all, one of them raises that error, the main one where it can;
        the others raise `EndedElsewhere`."""
        try:
            yield
        except EndedElsewhere as error:
            _let_go(error)
            self._hear()
            raise
        except BaseException as error:
            _let_go(error)
            quiet = not self.is_main and isinstance(error, (Cancelled, KeyboardInterrupt))
            if quiet or not self._is_first_to_tell():
                self._hear()
                raise EndedElsewhere from error
            # Only now, when it is certain who tells of the error: the others notice it.
            _leave_group()
            if self.is_main and not isinstance(error, KeyboardInterrupt):
                self._wait_until_heard()
            self._raise_as_told(error)
            raise
        finally:
            _leave_group()

    def _join(self, device: str) -> None:
        """Make the process group, on this process's own device."""
        if device == "mps":
            raise UserError("several processes cannot share an mps device; start zaoju without torchrun")
        if device == "cuda":
            own, there_are = int(os.environ.get("LOCAL_RANK", self._number)), torch.cuda.device_count()
            if own >= there_are:
                raise UserError(
                    f"process {own} of this machine has no GPU: there are {there_are}; start no more than that"
                )
            torch.cuda.set_device(own)
        distributed.init_process_group(
            "cpu:gloo,cuda:nccl" if device == "cuda" else "gloo",
            store=PrefixStore("group", self._store),
            rank=self._number,
            world_size=self._count,
            timeout=_PATIENCE,
        )

    def _wait_for(self, *keys: str) -> None:
        """Until the main process has set one of the keys. Raises `EndedElsewhere` where it has failed."""
        stopped_at: float | None = None
        while not any(self._store.check([key]) for key in keys):
            if self._store.check([_TOLD]):
                raise EndedElsewhere
            if self._cancel.is_set():
                stopped_at = stopped_at or time.monotonic()
                if time.monotonic() - stopped_at > _TELLING_SECONDS:
                    raise Cancelled("stopped before the training began")
            time.sleep(_ASK_EVERY_SECONDS)

    def _hear(self) -> None:
        with suppress(RuntimeError):  # the store is gone, with the main process, which has waited long enough
            self._store.add(_HEARD, 1)

    def _wait_until_heard(self) -> None:
        end = time.monotonic() + _TELLING_SECONDS
        while time.monotonic() < end and self._store.add(_HEARD, 0) < self._count - 1:
            time.sleep(_ASK_EVERY_SECONDS)

    def _is_first_to_tell(self) -> bool:
        try:
            if not self.is_main:
                end = time.monotonic() + _TELLING_SECONDS
                while time.monotonic() < end and not self._store.check([_TOLD]):
                    time.sleep(_ASK_EVERY_SECONDS)
            told: int = self._store.add(_TOLD, 1)
            return told == 1
        except RuntimeError:  # the store is gone, with the process that held it
            return True

    def _raise_as_told(self, error: BaseException) -> None:
        """Raise what a user can read, where `error` is not that already."""
        if isinstance(error, RuntimeError) and (isinstance(error, distributed.DistError) or "gloo" in str(error)):
            raise ProcessError(
                f"process {self._number} of {self._count} (counted from 0) has lost another one, which was killed or "
                "has failed without a word (out of memory?). The same command again goes on from the newest checkpoint"
            ) from error
        if self.is_main:
            return
        if isinstance(error, (UserError, OSError)):
            raise ProcessError(f"in process {self._number} of {self._count} (counted from 0): {error}") from error


def _meet() -> tuple[Store, int, int]:
    """The store that all processes share, the number of this one, and how many there are. Raises `UserError`."""
    try:
        store, number, count = next(rendezvous("env://", timeout=_MEETING))
    except distributed.DistError as error:
        where = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        raise UserError(
            f"the {number_of_processes()} processes of this training cannot meet at {where}: {error}. All of them must "
            "be started, and the port must be one that no other program has: `torchrun --standalone` finds one, "
            "`--master-port` or MASTER_PORT names one"
        ) from error
    store.set_timeout(_PATIENCE)
    return store, number, count


def _let_go(error: BaseException | None) -> None:
    """Clear the frames of an error, which hold the model."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _leave_group() -> None:
    """Leave the process group, which must not be held by a model any more.

    The group ends with whatever holds it last. Where that is the reducer of a model, torch waits for the group's
    threads without letting them have the interpreter, which one of them may be waiting for: the process would hang.
    """
    if distributed.is_initialized():
        gc.collect()
        distributed.destroy_process_group()
