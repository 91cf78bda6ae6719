"""How much an object holds on to."""

from __future__ import annotations

import gc
from types import FunctionType, ModuleType

import torch


def reachable(root: object) -> int:
    """How many objects can be reached from `root`, without passing through classes, functions and modules."""
    return len(_reached(root))


def tensor_bytes(root: object) -> int:
    """How many bytes the plain tensors have that can be reached from `root`; memory that several share counts once."""
    tensors = [one for one in _reached(root) if isinstance(one, torch.Tensor)]
    storages = [one.untyped_storage() for one in tensors if one.layout is torch.strided]
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


def _reached(root: object) -> list[object]:
    seen: set[int] = set()
    found: list[object] = []
    waiting = [root]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type | FunctionType | ModuleType):
            continue
        seen.add(id(one))
        found.append(one)  # kept, so that no other object gets its id
        waiting += gc.get_referents(one)
    return found
