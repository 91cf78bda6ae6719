"""The contract of a constraint: which tokens may come next, so that the whole text has a given form."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Generic, Self

from zaoju.contracts.options import OptionsT_co

if TYPE_CHECKING:
    import torch

    from zaoju.contracts.tokens import TokenTable


class Matcher(ABC):
    """Follows one text along a constraint. Prompts are not looked at: it begins at the first generated token."""

    @abstractmethod
    def allowed(self) -> torch.Tensor:
        """[V] bool on the CPU: which tokens may come next. The token that ends the text exactly where it may end.

        Where no token is left, the text ends with an error that names the constraint.
        """

    @abstractmethod
    def accept(self, token: int) -> None:
        """`token`, one of those allowed, has come. Never called with the token that ends the text."""

    @abstractmethod
    def fork(self) -> Self:
        """A matcher at the same place that goes on by itself."""


class Constraint(ABC, Generic[OptionsT_co]):
    """A form that a text must have. Built with its options."""

    def __init__(self, options: OptionsT_co) -> None:
        self.options = options

    @abstractmethod
    def compile(self, table: TokenTable) -> Matcher:
        """A matcher at the beginning. The engine keeps it for all texts of this vocabulary and hands out forks.

        Raises `UserError` for a form that cannot be, such as a regular expression with a mistake.
        """
