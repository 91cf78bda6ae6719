"""A chain as one compiled function: many small kernels of an accelerator become few."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import FunctionType
from typing import TYPE_CHECKING, TypeAlias, cast

import torch

from zaoju.contracts import Columns, History, StepContext
from zaoju.generation.history import UnreadHistory
from zaoju.generation.kept import Kept

if TYPE_CHECKING:
    from zaoju.contracts import Selector, Transform

_MOST_FORMS = 8
"""Each holds compiled code."""

_LONGEST_REASON = 300
"""The messages of a compiler go on for pages."""

_LOG = logging.getLogger(__name__)

_Options: TypeAlias = "tuple[dict[str, torch.Tensor], ...]"
_Resting: TypeAlias = "tuple[torch.Tensor | None, ...]"
_Past: TypeAlias = "tuple[torch.Tensor, torch.Tensor, torch.Tensor] | tuple[None, None, None]"
_Run: TypeAlias = "Callable[..., tuple[torch.Tensor, torch.Tensor]]"


@dataclass(frozen=True, slots=True)
class _Function:
    """A form of the chain, compiled, and what it needs of a step."""

    run: _Run
    streams: tuple[str, ...]
    """The streams of random numbers that it draws from."""

    looks_back: bool
    """Whether it looks at the history."""


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
        self,
        label: str,
        transforms: Sequence[Transform],
        selector: Selector,
        *,
        backend: str | Callable[..., object] = "inductor",
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
        options = tuple(dict(one) for one in columns if one is not None)
        resting = tuple(idle[number] for number in acting)
        try:
            function = self._functions.get(form, lambda: self._compile(acting, logits, options, resting, context))
            history = context.history
            past = (history.tokens, history.valid, history.prompt_length) if function.looks_back else (None, None, None)
            numbers = {stream: context.random(stream) for stream in function.streams}
            after, tokens = function.run(logits, options, resting, context.index, past, numbers)
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

    def _compile(
        self, acting: Sequence[int], logits: torch.Tensor, options: _Options, resting: _Resting, context: StepContext
    ) -> _Function:
        transforms, selector = [self._transforms[number] for number in acting], self._selector
        vocabulary_size, end_of_text = context.vocabulary_size, context.end_of_text

        def through(
            logits: torch.Tensor, options: _Options, resting: _Resting, given: StepContext
        ) -> tuple[torch.Tensor, torch.Tensor]:
            for transform, own, idle in zip(transforms, options, resting, strict=True):
                after = transform.apply(logits, own, given)
                logits = after if idle is None else torch.where(idle, logits, after)
            return logits, selector.select(logits, given)

        def run(
            logits: torch.Tensor,
            options: _Options,
            resting: _Resting,
            index: torch.Tensor,
            past: _Past,
            numbers: Mapping[str, torch.Tensor],
        ) -> tuple[torch.Tensor, torch.Tensor]:
            # A part that looks back, and did not when it was tried, fails at what is not there.
            history = History(*cast("tuple[torch.Tensor, torch.Tensor, torch.Tensor]", past))
            given = StepContext(index, history, vocabulary_size, end_of_text, lambda stream: numbers[stream])
            return through(logits, options, resting, given)

        # What a chain draws, and whether it looks back, shows when it runs.
        drawn = _Drawn(context.random)
        history = UnreadHistory(lambda: context.history)
        through(logits, options, resting, replace(context, history=history, random=drawn.__getitem__))
        compiled = torch.compile(_with_code_of_its_own(run), fullgraph=True, dynamic=True, backend=self._backend)
        return _Function(compiled, tuple(drawn), history.was_read)


class _Drawn(dict[str, torch.Tensor]):
    """Random numbers by their stream, drawn when they are asked for."""

    def __init__(self, random: Callable[[str], torch.Tensor]) -> None:
        super().__init__()
        self._random = random

    def __missing__(self, stream: str) -> torch.Tensor:
        self[stream] = self._random(stream)
        return self[stream]


def _with_code_of_its_own(function: _Run) -> _Run:
    """The same function, with a code object that no other has: `torch.compile` counts recompilations for each."""
    assert isinstance(function, FunctionType)
    code = function.__code__.replace()
    return FunctionType(code, function.__globals__, function.__name__, None, function.__closure__)
