"""How much an object holds on to."""

from __future__ import annotations

import gc
from types import FunctionType, ModuleType


def reachable(root: object) -> int:
    """How many objects can be reached from `root`, without passing through classes, functions and modules."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type | FunctionType | ModuleType):
            continue
        seen.add(id(one))
        waiting += gc.get_referents(one)
    return len(seen)
