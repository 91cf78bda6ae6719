"""The state that belongs to the whole process, which a plugin must neither change nor read."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def generator_states() -> dict[str, object]:
    """The states of the global random generators, by name, in a form that can be compared."""
    states: dict[str, object] = {"random": random.getstate(), "torch": torch.get_rng_state().tolist()}
    if "numpy" in sys.modules:
        from numpy import random as numpy_random

        states["numpy"] = repr(numpy_random.get_state())
    return states


def settings() -> dict[str, object]:
    """The global settings of torch."""
    return {
        "default dtype": torch.get_default_dtype(),
        "threads": torch.get_num_threads(),
        "gradients": torch.is_grad_enabled(),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "flush denormal": torch.tensor([1e-40]).mul(1).item() == 0,
    }


@contextmanager
def other_seeds(seed: int) -> Iterator[None]:
    """Global generators in another state; afterwards they are as they were."""
    before, torch_before = random.getstate(), torch.get_rng_state()
    random.seed(seed)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(before)
        torch.set_rng_state(torch_before)


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """Another default type for new tensors; afterwards it is as it was."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
