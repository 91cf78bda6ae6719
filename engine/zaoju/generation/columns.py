"""Values of single rows, put together into tensors whose first dimension is the rows, and taken apart again."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from zaoju.contracts import Columns

Numbers: TypeAlias = "npt.NDArray[np.float64] | npt.NDArray[np.int64] | npt.NDArray[np.bool_]"


def looks_are_free(device: torch.device) -> bool:
    """Whether the host may look at numbers without waiting for the device."""
    return device.type == "cpu" and not torch.compiler.is_compiling()


def to_host(tensors: Sequence[torch.Tensor]) -> list[list[float]]:
    """The numbers of each of `tensors` [N], for which the host waits once.

    Whole numbers are exact below 2**53.
    """
    if looks_are_free(tensors[0].device):
        return [tensor.tolist() for tensor in tensors]
    numbers = iter(torch.cat([tensor.double() for tensor in tensors]).tolist())
    return [list(islice(numbers, len(tensor))) for tensor in tensors]


def upload(numbers: Numbers, device: torch.device) -> torch.Tensor:
    """`numbers` as a tensor on `device`, on which the host does not wait for the work that is under way there."""
    tensor = torch.from_numpy(numbers)
    if device.type == "cpu":
        return tensor
    # Only from pinned memory does a copy take its turn behind that work without the host.
    pinned = tensor.pin_memory() if device.type == "cuda" else tensor
    return pinned.to(device, non_blocking=True)


def whole_numbers(numbers: Sequence[int], device: torch.device) -> torch.Tensor:
    """[N] int64 on `device`."""
    return upload(np.array(numbers, dtype=np.int64), device)


def column(values: Sequence[object], device: torch.device) -> torch.Tensor | None:
    """[N]: int64 where the option is a whole number or a switch, float64 elsewhere; None where it is no number."""
    numbers = [value for value in values if isinstance(value, int | float)]
    if len(numbers) < len(values):
        return None
    if all(isinstance(value, int) for value in numbers):
        return whole_numbers([int(value) for value in numbers], device)
    return upload(np.array(numbers, dtype=np.float64), device)


def stack_rows(rows: Sequence[Columns], device: torch.device) -> dict[str, torch.Tensor]:
    """Tensors of one shape, by name."""
    return {name: torch.stack([row[name] for row in rows]).to(device) for name in rows[0]}


def unstack_rows(columns: Columns, count: int) -> list[Columns]:
    """For each of `count` rows its part of every tensor."""
    return [{name: tensor[row] for name, tensor in columns.items()} for row in range(count)]


def stack_padded(rows: Sequence[Columns], device: torch.device) -> dict[str, torch.Tensor]:
    """Tensors by name, each dimension padded at its end to the longest row; a row that lacks a name is all padding."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: _padded([row.get(name) for row in rows], device) for name in names}


def _padded(tensors: Sequence[torch.Tensor | None], device: torch.device) -> torch.Tensor:
    known = [tensor for tensor in tensors if tensor is not None]
    shape = [max(sizes) for sizes in zip(*(tensor.shape for tensor in known), strict=True)]
    fill = -1 if known[0].dtype == torch.int64 else 0
    padded = torch.full((len(tensors), *shape), fill, dtype=known[0].dtype)
    for row, tensor in zip(padded, tensors, strict=True):
        if tensor is not None:
            row[tuple(slice(size) for size in tensor.shape)] = tensor
    return padded.to(device)
