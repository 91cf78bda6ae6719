"""The same bits from the same step, on a GPU too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from zaoju.errors import UserError

_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
_FIXED_WORKSPACE = ":4096:8"
"""Eight buffers of 4 MiB: one of the two settings with which cuBLAS promises the same bits."""

_WITHOUT = "does not have a deterministic implementation"


@contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """Where it is `wanted`, torch takes only algorithms that give the same bits every time, until the block ends.

    Without, the block runs as the process is set. A CPU gives the same bits anyway; a GPU adds up gradients in the
    order in which its threads happen to come. What cuBLAS needs is read when a process first multiplies on a GPU, so a
    process that has done so before should have set `CUBLAS_WORKSPACE_CONFIG=:4096:8` itself. Raises `UserError` for an
    operation that has no such algorithm.
    """
    if not wanted:
        yield
        return
    workspace, benchmark = os.environ.get(_WORKSPACE), torch.backends.cudnn.benchmark
    os.environ.setdefault(_WORKSPACE, _FIXED_WORKSPACE)
    torch.backends.cudnn.benchmark = False
    try:
        with _algorithms(deterministic_only=True):
            yield
    except RuntimeError as error:
        if _WITHOUT not in str(error):
            raise
        raise UserError(
            f"deterministic: true was asked for, and this training needs an operation that has no deterministic form: "
            f"{str(error).splitlines()[0]} Set trainer.deterministic to false, or change the model"
        ) from error
    finally:
        torch.backends.cudnn.benchmark = benchmark
        if workspace is None:
            os.environ.pop(_WORKSPACE, None)


@contextmanager
def any_algorithms() -> Iterator[None]:
    """Every algorithm is allowed until the block ends, for what does not act on the training."""
    with _algorithms(deterministic_only=False):
        yield


@contextmanager
def _algorithms(*, deterministic_only: bool) -> Iterator[None]:
    before = torch.are_deterministic_algorithms_enabled()
    warns_only = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(deterministic_only)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warns_only)
