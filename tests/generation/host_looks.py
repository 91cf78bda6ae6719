"""Counts how often the host looks at numbers of a tensor; on an accelerator it would wait for the device each time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

_LOOKS = {
    "tolist",
    "item",
    "numpy",
    "cpu",
    "nonzero",
    "argwhere",
    "masked_select",
    "unique",
    "equal",
    "allclose",
    "__bool__",
    "__int__",
    "__float__",
    "__index__",
    "__array__",
    "__contains__",
}
"""Functions of torch whose result is on the host, or has a shape that numbers decide."""

_LOOKS_BENEATH = {
    "_local_scalar_dense",
    "nonzero",
    "argwhere",
    "masked_select",
    "_unique2",
    "unique_dim",
    "equal",
    "allclose",
    "repeat_interleave",
}
"""What torch's own functions call for such a look."""


class _Beneath(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own class
    """Sees the looks that functions take inside of torch."""

    def __init__(self, note: Callable[[str], None]) -> None:
        super().__init__()
        self._note = note

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload,
        types: object,
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        name = func.overloadpacket.__name__
        picks = name == "index" and any(_is_mask(one) for one in args[1])  # type: ignore[attr-defined]
        finds = name == "where" and len(args) == 1
        if name in _LOOKS_BENEATH or picks or finds:
            self._note(name)
        return func(*args, **(kwargs or {}))


class _Above(TorchFunctionMode):
    """Sees the looks that Python code takes; a list made of a tensor on a CPU never gets beneath."""

    def __init__(self, note: Callable[[str], None]) -> None:
        super().__init__()
        self._note = note
        self.inside = False

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: object,
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        name = getattr(func, "__name__", "")
        if name not in _LOOKS:
            return func(*args, **(kwargs or {}))
        self._note(name)
        self.inside = True
        try:
            return func(*args, **(kwargs or {}))
        finally:
            self.inside = False


@contextmanager
def host_looks() -> Iterator[list[str]]:
    """A list that gets the name of each look that is taken inside the block, in whatever way."""
    seen: list[str] = []
    above = _Above(seen.append)
    beneath = _Beneath(lambda name: None if above.inside else seen.append(name))
    with beneath, above:
        yield seen


def _is_mask(index: object) -> bool:
    return isinstance(index, torch.Tensor) and index.dtype in (torch.bool, torch.uint8)
