"""The contract of a proposer: guesses at the next tokens, which the model then checks in one pass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeAlias

from zaoju.contracts.options import OptionsT_co

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zaoju.contracts.runner import Runner
    from zaoju.contracts.tokens import TokenTable


@dataclass(frozen=True, slots=True)
class OpenModel:
    """A model folder that was opened: who computes its logits, and its tokens."""

    runner: Runner
    table: TokenTable


ModelOpener: TypeAlias = "Callable[[Path], OpenModel]"
"""Opens a model folder, with the engine's plugins and on its device."""


@dataclass(frozen=True, slots=True)
class DraftRequest:
    """A text for which tokens may be proposed."""

    text: int
    """A number that stays the text's own while it is written."""

    tokens: Sequence[int]
    """What the model reads: what begins a text, the prompt, and every token so far. Read-only; it grows in place."""

    room: int
    """How many proposed tokens can be of use."""

    uniform: Callable[[int], float]
    """`uniform(ahead)`: the random number in (0, 1) by which the selector `sample` will draw the token `ahead` places
    on, 0 for the next. A proposer that draws with it agrees more often with a text that is drawn."""


class Proposer(ABC, Generic[OptionsT_co]):
    """Proposes the next tokens of texts. A bad guess costs time and never changes a text: the engine keeps a proposed
    token only where it equals the token that it would have chosen anyway.

    Built with its options, one object for all requests of an engine that have the same ones. Used by one thread at a
    time.
    """

    def __init__(self, options: OptionsT_co) -> None:
        self.options = options

    def open(self, table: TokenTable, open_model: ModelOpener) -> None:
        """Make ready, once, for texts of this vocabulary. `open_model` is for proposers that use another model.

        Raises `UserError` where the proposer cannot serve it, such as a draft model with other tokens.
        """

    @abstractmethod
    def propose(self, texts: Sequence[DraftRequest]) -> Sequence[Sequence[int]]:
        """For each text the tokens that may come next, most often none to a few; what exceeds its room is cut off."""

    def forget(self, text: int) -> None:
        """The text with this number has ended; free what was kept for it. Also called for texts never seen."""
