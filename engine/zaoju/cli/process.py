"""What belongs to a whole process, so that the command line settles it and the library never does."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click

import zaoju
from zaoju.cli.cores import usable_cores


def use_threads(config: Path | None, overrides: Sequence[str], threads: int | None) -> tuple[str, ...]:
    """Settle how many threads torch computes with; returns `overrides` with `--threads` among them.

    Comes before anything that imports torch, whose OpenMP reads the number once, when it is loaded. Without a number
    from the command or the configuration, a variable that the user has set stands; without that, there is one thread
    for each core; of several processes each has its part of them.
    """
    if threads is not None:
        overrides = (*overrides, f"threads={threads}")
    chosen = zaoju.configured_threads(config, overrides=overrides)
    if chosen:
        # MKL would take no more threads than there are cores, and torch does as MKL does.
        number = str(chosen)
        _set_while_it_runs({"OMP_NUM_THREADS": number, "MKL_NUM_THREADS": number, "MKL_DYNAMIC": "FALSE"})
        _tell_torch(chosen)
    elif "OMP_NUM_THREADS" not in os.environ:
        beside = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        _set_while_it_runs({"OMP_NUM_THREADS": str(max(1, usable_cores() // beside))})
    return tuple(overrides)


@contextmanager
def loading() -> Iterator[None]:
    """Do not look for garbage while modules and a model are loaded: that is a tenth of the time to import torch.

    None of it is garbage, so for the rest of the command it is not looked at again.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        click.get_current_context().call_on_close(gc.unfreeze)
        if collecting:
            gc.enable()


def _set_while_it_runs(values: Mapping[str, str]) -> None:
    """Set variables of the environment until the command ends: a program may call several in one process."""
    before = {name: os.environ.get(name) for name in values}

    def restore() -> None:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    click.get_current_context().call_on_close(restore)
    os.environ.update(values)


def _tell_torch(threads: int) -> None:
    """Where a program that calls the command line has imported torch before, the environment comes too late."""
    if "torch" not in sys.modules:
        return
    import torch

    click.get_current_context().call_on_close(partial(torch.set_num_threads, torch.get_num_threads()))
    torch.set_num_threads(threads)
