"""The contract of a search: a strategy that keeps several texts at once to end with a better one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic

from zaoju.contracts.options import OptionsT_co

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch


@dataclass(frozen=True, slots=True)
class Branch:
    """One row that a search begins with."""

    sample: int = 0
    """Which random numbers the row and all that continue it have. Sample 0 has those of the same request without a
    search; every other number has some of its own, as the n-th of several texts of one prompt."""

    prompt: str | None = None
    """Another prompt than the request's, for a row that is only there to compare with."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A whole text that a search has found. The one with the highest score becomes the result."""

    row: int
    """Which live row it continues."""

    token: int | None
    """The token that is appended to the row; None for the row as it is."""

    score: float


@dataclass(frozen=True, slots=True)
class SearchStep:
    """What a search decides: the new live rows, and the texts that are whole."""

    rows: Sequence[int] = ()
    """For each new live row the live row that it continues. A row may be continued several times, or not at all."""

    tokens: Sequence[int] = ()
    """For each new live row the token that is appended."""

    finished: Sequence[Hypothesis] = ()

    done: bool = False
    """The search is over; so it is too when no live row is left. There must be a whole text by then."""


@dataclass(frozen=True, slots=True)
class SearchContext:
    """What a search may look at besides the logits. Read-only."""

    index: int
    """How many tokens each live row has generated."""

    room: int
    """How many tokens each live row may still take, by the length asked for and by the model's context. At 1 the next
    token is the last, so no row lives on. Only a search that needs `hidden` may keep rows once more, to look at the
    states of their last tokens; then room is 0, the rows are whole as they are, and the search is over."""

    tokens: Sequence[Sequence[int]]
    """The generated tokens of each live row."""

    raw: torch.Tensor
    """[W, V] float32: the model's own logits, before `Search.mix` and the chain."""

    end_of_text: int
    """The id of the token that ends a document."""

    ends: Callable[[int, int], bool]
    """`ends(row, token)`: whether `token` after live row `row` ends the text, by ending the document or by completing a
    stop string."""

    select: Callable[[torch.Tensor], torch.Tensor]
    """The selector's choices [W] int64 from logits [W, V], one row for each live row."""

    random: Callable[[str], torch.Tensor]
    """`random(stream)` gives [W] float64 in the open interval (0, 1), by the seed, the row's sample and `index`."""

    hidden: Callable[[int], torch.Tensor]
    """`hidden(row)` gives [length, width] float32: the model's last hidden states for all tokens of a live row, prompt
    and all. Only for a search whose `Component.needs` has `hidden`."""


class Search(ABC, Generic[OptionsT_co]):
    """Keeps several rows of one request. Built with its options, one object for each request, so `self` may remember.

    The engine runs the model and the chain of transforms over the live rows, in one batch with other requests. It keeps
    caches, states and texts in step with what the search decides, and streams what all that can still win agree on.
    """

    def __init__(self, options: OptionsT_co) -> None:
        self.options = options

    @property
    @abstractmethod
    def width(self) -> int:
        """The most live rows that there ever are at once; memory is planned by it."""

    def begin(self) -> Sequence[Branch]:
        """The rows to begin with."""
        return (Branch(),)

    def mix(self, logits: torch.Tensor) -> torch.Tensor:
        """New logits [W, V] float32 for those of the live rows, before the chain. Changes nothing by default."""
        return logits

    @abstractmethod
    def step(self, logits: torch.Tensor, context: SearchContext) -> SearchStep:
        """Go on from `logits` [W, V] float32: those of the token after each live row, as the chain left them."""
