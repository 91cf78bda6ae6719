"""A constraint that every text meets."""

from __future__ import annotations

from typing import Self

import torch

from zaoju.contracts import Constraint, Matcher, Options, TokenTable
from zaoju.plugins import ResolvedComponent

ANYTHING = ResolvedComponent("constraint", "anything", "zaoju", "0", f"{__name__}:Anything", None, {})
"""It as a plan names it."""


class AnythingMatcher(Matcher):
    """Allows every token, always."""

    def __init__(self, size: int) -> None:
        self._size = size

    def allowed(self) -> torch.Tensor:
        """All tokens."""
        return torch.ones(self._size, dtype=torch.bool)

    def accept(self, token: int) -> None:
        """There is nothing to follow."""

    def fork(self) -> Self:
        """One serves all."""
        return self


class Anything(Constraint[Options]):
    """To see that a decoding goes on as before where a constraint is in force."""

    def compile(self, table: TokenTable) -> Matcher:
        """A matcher that allows everything."""
        return AnythingMatcher(table.size)
