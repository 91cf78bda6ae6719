"""The contracts of decoding: transforms change logits, selectors choose tokens, strategies name a chain of both.

The engine owns the forward pass, the cache, the history, the random numbers, stopping and text. A plugin owns only the
mathematics. Everything works on *rows*: N pairs of (request, position), whatever they come from, so a transform needs
one code path for a batch, for beams and for drafts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from zaoju.contracts.tokens import TokenTable

Columns: TypeAlias = "Mapping[str, torch.Tensor]"
"""Tensors by name whose first dimension is the rows. An option that is a number is a column [N]: float64, or int64
where it is a whole number or a switch."""


@dataclass(frozen=True, slots=True)
class History:
    """The tokens before the one that is being chosen, prompt included, without any padding to trip over."""

    tokens: torch.Tensor
    """[N, L] int64; what lies beyond a row's length is arbitrary, so always combine it with `valid`."""

    valid: torch.Tensor
    """[N, L] bool; True where `tokens` is a real token of the row. The real tokens of a row come first."""

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

    state: Columns = field(default_factory=dict)
    """The rows' state of the transform that is called; empty for one that has no `init_state`."""


class Transform(ABC):
    """A pure function on logits. Thirty lines make a decoding strategy.

    Declare the options in a model of their own (named as the user writes them, unique among installed transforms:
    `top_k`, `top_p`), each a number always or never: one that may be empty, `int | None`, fits no column. A transform
    is built without arguments and keeps nothing in `self`: most need `apply` alone.
    """

    neutral: ClassVar[Mapping[str, object]]
    """Values of options at which `apply` returns the row bit for bit as it came, whatever the other options are."""

    keeps_argmax: ClassVar[bool] = False
    """True where the most probable token can never change; the engine may then skip it for greedy rows."""

    only_removes: ClassVar[bool] = False
    """True where every logit either stays, bit for bit, or becomes -inf: the transform is a filter."""

    ignores_shift: ClassVar[bool] = True
    """False where the same number added to all logits of a row changes more than the sum's rounding does."""

    def prepare(self, options: Mapping[str, object], prompt: Sequence[int], table: TokenTable) -> Columns:
        """Once for each request: tensors for the options that are no numbers, such as lists of words.

        What it gives arrives in the `options` of `apply` under the same names, with the rows as first dimension. Rows
        of other requests may have other lengths, so every dimension is padded at its end to the longest: with -1
        (int64), 0 (floats) or False. `prompt` holds the tokens of the prompt. Raises `UserError` for options that
        cannot be, such as a word that the vocabulary cannot write.
        """
        return {}

    def init_state(self, options: Columns) -> Columns:
        """The state of rows before their first token, for a transform that must remember more than the history.

        Tensors whose first dimension is the rows, of the same type and shape for every row at every time.
        """
        return {}

    @abstractmethod
    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        """New logits [N, V] float32 for `logits` [N, V] float32. Removed tokens are -inf.

        Never changes its input, never looks across rows, never removes every token of a row, and keeps -inf at -inf.
        """

    def observe(
        self,
        state: Columns,
        tokens: torch.Tensor,
        before: torch.Tensor,
        after: torch.Tensor,
        options: Columns,
    ) -> Columns:
        """The state after `tokens` [N] int64 were chosen; called only where `init_state` gives one.

        `before` and `after` [N, V] are the logits that `apply` got and gave for the choice. Gives new tensors and
        changes none, so the engine can fork a text by keeping the old ones.
        """
        return state


class Selector(ABC):
    """Chooses one token per row from transformed logits. Built without arguments, holds no state."""

    @abstractmethod
    def select(self, logits: torch.Tensor, context: StepContext) -> torch.Tensor:
        """[N] int64 token ids for `logits` [N, V] float32. Never chooses a token at -inf."""


class Strategy:
    """A named preset: which transforms, in which order, and which selector or search. Subclass it and set the names.

    It is read when the config is checked, so its module must import nothing heavy.
    """

    chain: ClassVar[tuple[str, ...]] = ()
    """Names of transforms, in the order in which they are applied."""

    selector: ClassVar[str] = "sample"
    """Name of the selector. A search that chooses by itself does not use it."""

    search: ClassVar[str | None] = None
    """Name of the search that keeps several texts at once; None writes token by token."""

    defaults: ClassVar[Mapping[str, object]] = {}
    """Values that differ from the own defaults of the transforms and the search."""
