"""The contracts of decoding: transforms change logits, selectors choose tokens, strategies name a chain of both.

The engine owns the forward pass, the cache, the history, the random numbers, stopping and text. A plugin owns only the
mathematics. Everything works on *rows*: N pairs of (request, position), whatever they come from, so a transform needs
one code path for a batch, for beams and for drafts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

Columns: TypeAlias = "Mapping[str, torch.Tensor]"
"""One tensor of shape [N] per option, one value per row: float64 for numbers, int64 for whole numbers and switches."""


@dataclass(frozen=True, slots=True)
class History:
    """The tokens before the one that is being chosen, prompt included, without any padding to trip over."""

    tokens: torch.Tensor
    """[N, L] int64; what lies beyond a row's length is arbitrary, so always combine it with `valid`."""

    valid: torch.Tensor
    """[N, L] bool; True where `tokens` is a real token of the row."""

    prompt_length: torch.Tensor
    """[N] int64; how many of the row's tokens belong to the prompt."""


@dataclass(frozen=True, slots=True)
class StepContext:
    """What a transform or a selector may look at besides the logits. Read-only."""

    index: torch.Tensor
    """[N] int64; how many tokens the row has generated before this one."""

    history: History
    vocabulary_size: int
    end_of_text: int
    """The id of the token that ends a document."""

    random: Callable[[str], torch.Tensor]
    """`random(stream)` gives [N] float64 in the open interval (0, 1): a pure function of the row's seed, its index and
    the name of the stream. Use your own component's name as the stream. Never use a global generator."""


class Transform(ABC):
    """A pure function on logits. Thirty lines make a decoding strategy.

    Declare the options in a model of their own (one field per number, named as the user writes it, unique among
    installed transforms: `top_k`, `top_p`). A transform is built without arguments and holds no state.
    """

    neutral: ClassVar[Mapping[str, float]]
    """For each option, the value at which `apply` returns the row bit for bit as it came."""

    keeps_argmax: ClassVar[bool] = False
    """True where the most probable token can never change; the engine may then skip it for greedy rows."""

    @abstractmethod
    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        """New logits [N, V] float32 for `logits` [N, V] float32. Removed tokens are -inf.

        Never changes its input, never looks across rows, never removes every token of a row, and keeps -inf at -inf.
        """


class Selector(ABC):
    """Chooses one token per row from transformed logits. Built without arguments, holds no state."""

    @abstractmethod
    def select(self, logits: torch.Tensor, context: StepContext) -> torch.Tensor:
        """[N] int64 token ids for `logits` [N, V] float32. Never chooses a token at -inf."""


class Strategy:
    """A named preset: which transforms, in which order, and which selector. Subclass it and set the three names.

    It is read when the config is checked, so its module must import nothing heavy.
    """

    chain: ClassVar[tuple[str, ...]] = ()
    """Names of transforms, in the order in which they are applied."""

    selector: ClassVar[str] = "sample"
    """Name of the selector."""

    defaults: ClassVar[Mapping[str, float]] = {}
    """Values that differ from the transforms' own defaults."""
