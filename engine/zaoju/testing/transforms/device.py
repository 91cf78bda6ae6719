"""No look at numbers: an accelerator would have to finish its work before the host could read them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensorDeviceMismatchError,
    FakeTensorMode,
)
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from zaoju.contracts import Columns, History, Transform
from zaoju.testing.decoding_rows import Rows
from zaoju.testing.transforms.base import TransformRows, check_states, evenly

_DEVICE = "meta"
"""A device that holds no numbers; unlike `cuda` it works in every build of torch."""


class DeviceChecks(TransformRows):
    """With tensors that have a type, a shape and a device, and no numbers. The CPU may take branches of its own."""

    def test_no_number_is_looked_at(self, transform: Transform, rows: Rows) -> None:
        """Neither `apply` nor `init_state` nor `observe` asks for a number, or for a shape that numbers decide.

        So nothing makes the host wait, and the call can be captured with its shapes.
        """
        some = evenly(rows, 7)
        logits = some.logits
        with _without_numbers():
            given, columns, state = _there(logits), _all_there(some.columns()), _all_there(some.state())
            context = replace(
                some.context(lambda stream: torch.empty(len(logits), dtype=torch.float64, device=_DEVICE)),
                index=_there(torch.zeros(len(logits), dtype=torch.int64)),
                state=state,
            )
            context = replace(context, history=_history_there(context.history))
            with _said_plainly("apply()"):
                after = transform.apply(given, columns, context)
            form = f"{after.device.type} {after.dtype} {list(after.shape)}"
            expected = f"{_DEVICE} {torch.float32} {list(logits.shape)}"
            assert form == expected, f"apply() gives {form} for {expected}"
            if state:
                with _said_plainly("init_state()"):
                    check_states(transform.init_state(columns), state, "init_state()")
                tokens = _there(torch.zeros(len(logits), dtype=torch.int64))
                with _said_plainly("observe()"):
                    check_states(transform.observe(state, tokens, given, after, columns), state, "observe()")


class _CopiedToHostError(RuntimeError):
    """A tensor went to the CPU."""


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own class
    """Notices tensors that go to the CPU; `FakeTensorMode` lets them."""

    def __torch_dispatch__(
        self,
        func: Callable[..., object],
        types: object,
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        given = tree_leaves((args, kwargs or {}))
        result = func(*args, **(kwargs or {}))
        if any(_is_there(one) for one in given) and any(
            isinstance(one, torch.Tensor) and not _is_there(one) for one in tree_leaves(result)
        ):
            raise _CopiedToHostError(str(func))
        return result


def _is_there(value: object) -> bool:
    return isinstance(value, torch.Tensor) and value.device.type == _DEVICE


@contextmanager
def _without_numbers() -> Iterator[None]:
    with FakeTensorMode(allow_non_fake_inputs=True), _Watch():  # type: ignore[no-untyped-call]
        yield


@contextmanager
def _said_plainly(who: str) -> Iterator[None]:
    """What torch says of its operators, as advice."""
    try:
        yield
    except DataDependentOutputException as error:
        raise AssertionError(
            f"{who} looks at a number ({error}), by `if`, `int()`, `.item()` or the like: use torch.where, or do it "
            'only where `logits.device.type == "cpu"`'
        ) from error
    except DynamicOutputShapeException as error:
        raise AssertionError(
            f"{who} makes a tensor whose shape depends on numbers ({error}): use a mask or torch.where instead"
        ) from error
    except FakeTensorDeviceMismatchError as error:
        raise AssertionError(
            f"{who} makes a tensor on the CPU and joins it with one elsewhere: write `device=logits.device` ({error})"
        ) from error
    except _CopiedToHostError as error:
        raise AssertionError(f"{who} copies a tensor to the CPU ({error}): stay on its device") from error


def _there(tensor: torch.Tensor) -> torch.Tensor:
    return torch.empty(tensor.shape, dtype=tensor.dtype, device=_DEVICE)


def _all_there(tensors: Columns) -> dict[str, torch.Tensor]:
    return {name: _there(tensor) for name, tensor in tensors.items()}


def _history_there(history: History) -> History:
    return History(_there(history.tokens), _there(history.valid), _there(history.prompt_length))
