"""A chain as one compiled function: many small kernels of an accelerator become few."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import TYPE_CHECKING, TypeAlias, cast

import torch

from zaoju.contracts import Columns, History, StepContext
from zaoju.generation.kept import Kept

if TYPE_CHECKING:
    from zaoju.contracts import Selector, Transform

_MOST_FORMS = 8
"""Each holds compiled code."""

_LOG = logging.getLogger(__name__)

_LONGEST_REASON = 300
"""The messages of a compiler go on for pages."""

_Inputs: TypeAlias = (
    "tuple[tuple[dict[str, torch.Tensor], ...], tuple[torch.Tensor | None, ...], "
    "torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]"
)
_Run: TypeAlias = "Callable[[torch.Tensor, _Inputs, Mapping[str, torch.Tensor]], tuple[torch.Tensor, torch.Tensor]]"


@dataclass(frozen=True, slots=True)
class _Function:
    """A form of the chain, compiled."""

    compiled: _Run
    streams: tuple[str, ...]
    """The streams of random numbers that it draws from."""


def compiles_on(device: torch.device) -> bool:
    """Whether a compiled chain pays: where each operator is launched by itself, not where it is a call."""
    return device.type == "cuda"


class CompiledChain:
    """The transforms and the selector of a chain, compiled for any number of rows.

    No transform that acts may remember anything. There is one function for each form of the chain, as most transforms
    of a long one are idle most of the time. What cannot be captured is logged once, and `run` gives None from then on,
    so that the chain runs as it is written.
    """

    def __init__(
        self, label: str, transforms: Sequence[Transform], selector: Selector, *, backend: str = "inductor"
    ) -> None:
        self._label = label
        self._transforms = transforms
        self._selector = selector
        self._backend = backend
        self._functions = Kept[_Function](_MOST_FORMS)
        self._failed = False

    def run(
        self,
        logits: torch.Tensor,
        columns: Sequence[Columns | None],
        idle: Sequence[torch.Tensor | None],
        context: StepContext,
    ) -> tuple[torch.Tensor, torch.Tensor] | None:
        """The logits [N, V] that the transforms give, and the selector's choices [N]; None where it cannot be."""
        if self._failed:
            return None
        form = tuple((one is not None, some is not None) for one, some in zip(columns, idle, strict=True))
        acting = [number for number, (acts, _) in enumerate(form) if acts]
        inputs = _inputs([columns[number] for number in acting], [idle[number] for number in acting], context)
        try:
            function = self._functions.get(form, lambda: self._compile(acting, logits, inputs, context))
            numbers = {stream: context.random(stream) for stream in function.streams}
            after, tokens = function.compiled(logits, inputs, numbers)
            if after.shape != logits.shape or after.dtype != logits.dtype:
                raise TypeError(f"it gave {after.dtype} {list(after.shape)} for {logits.dtype} {list(logits.shape)}")
        except (MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # noqa: BLE001  # whatever a compiler raises, the chain runs without it
            self._failed = True
            _LOG.warning(
                "the decoding chain %s cannot be compiled and runs as it is written, which is slower: %s: %s",
                self._label,
                type(error).__name__,
                " ".join(str(error).split())[:_LONGEST_REASON],
            )
            return None
        return after, tokens

    def _compile(self, acting: Sequence[int], logits: torch.Tensor, inputs: _Inputs, context: StepContext) -> _Function:
        transforms, selector = [self._transforms[number] for number in acting], self._selector
        end_of_text = context.end_of_text

        def run(
            logits: torch.Tensor, inputs: _Inputs, numbers: Mapping[str, torch.Tensor]
        ) -> tuple[torch.Tensor, torch.Tensor]:
            columns, idle, index, tokens, valid, prompt_length = inputs
            given = StepContext(
                index, History(tokens, valid, prompt_length), logits.shape[1], end_of_text, lambda name: numbers[name]
            )
            for transform, options, resting in zip(transforms, columns, idle, strict=True):
                after = transform.apply(logits, options, given)
                logits = after if resting is None else torch.where(resting, logits, after)
            return logits, selector.select(logits, given)

        drawn = _Drawn(context)
        run(logits, inputs, drawn)
        compiled = torch.compile(_with_code_of_its_own(run), fullgraph=True, dynamic=True, backend=self._backend)
        return _Function(compiled, tuple(drawn))


class _Drawn(dict[str, torch.Tensor]):
    """Random numbers by their stream, drawn when they are asked for: which ones a chain draws shows when it runs."""

    def __init__(self, context: StepContext) -> None:
        super().__init__()
        self._context = context

    def __missing__(self, stream: str) -> torch.Tensor:
        self[stream] = self._context.random(stream)
        return self[stream]


def _inputs(columns: Sequence[Columns | None], idle: Sequence[torch.Tensor | None], context: StepContext) -> _Inputs:
    """What a compiled function gets beside the logits, as tensors in plain containers."""
    history = context.history
    options = tuple(dict(one) for one in columns if one is not None)
    return options, tuple(idle), context.index, history.tokens, history.valid, history.prompt_length


def _with_code_of_its_own(function: _Run) -> _Run:
    """The same function, with a code object that no other has: `torch.compile` counts recompilations for each."""
    assert isinstance(function, FunctionType)
    own = FunctionType(function.__code__.replace(), function.__globals__, function.__name__, None, function.__closure__)
    return cast("_Run", own)
