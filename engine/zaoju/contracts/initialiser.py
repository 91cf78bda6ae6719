"""The contract of an initialiser: the first weights of tokens that a trained model does not know yet."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic

from zaoju.contracts.options import OptionsT_co

if TYPE_CHECKING:
    import torch


def _no_documents() -> tuple[()]:
    return ()


@dataclass(frozen=True, slots=True)
class NewTokens:
    """What is known of the new tokens and of the vocabulary that they join."""

    parts: tuple[tuple[int, ...], ...]
    """For each new token, the old tokens that were written in its place until now, in order; never none."""

    splits: tuple[tuple[int, int, int], ...]
    """Old tokens that are two others joined: token, left, right. Examples of how the model itself composes tokens."""

    seed: int
    """Where random numbers begin; draw them from a generator of your own."""

    documents: Callable[[], Iterable[Sequence[int]]] = _no_documents
    """Gives the corpus from its beginning, the tokens of a document at a time, as the larger tokenizer cuts it: the
    first new token is the one after the last row of the matrix. Nothing comes where there is only a list of words; an
    initialiser that cannot do without a corpus says `needs=frozenset({"corpus"})` in its `Component`."""

    def __len__(self) -> int:
        return len(self.parts)


class Initialiser(ABC, Generic[OptionsT_co]):
    """Gives new tokens their first rows in a matrix that has a row for each token.

    It is asked for each such matrix on its own: for the embedding, and for the head where that has weights of its own.
    No row may equal another's, of an old token or of a new one: two tokens with one row begin as one and the same, and
    the engine refuses them.
    """

    def __init__(self, options: OptionsT_co) -> None:
        self.options = options

    @abstractmethod
    def rows(self, matrix: torch.Tensor, tokens: NewTokens) -> torch.Tensor:
        """[new tokens, width] float32: a row for each new token, a function of the arguments alone.

        `matrix` [old tokens, width] float32 has the rows of the old tokens by id, on the CPU. It must not be changed.
        """
