"""The contract of a model runner: what computes logits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import torch


class Runner(ABC):
    """Computes logits for rows. The engine speaks to a model only through this.

    A *row* is one running text with its own length and its own part of the cache. Rows come to life in `prefill` or
    `fork`, go on by `step`, in any company, and end in `drop`. A runner is used by one thread at a time; the engine
    sees to that.
    """

    vocabulary_size: int
    """The width of the logits. It may be larger than the tokenizer, where rows were padded for speed."""

    context_length: int
    """How many tokens a row can hold, prompt included."""

    @classmethod
    @abstractmethod
    def open(cls, folder: Path, *, device: str = "auto") -> Self:
        """Read the model in `folder`.

        Raises `ArtefactError` where the folder cannot be used by this runner, with the reason.
        """

    @abstractmethod
    def prefill(self, prompts: Sequence[Sequence[int]]) -> tuple[list[int], torch.Tensor]:
        """Start one row per prompt: the new rows' handles, and the logits [N, V] float32 of the next token of each.

        Prompts have at least one token and at most `context_length`, and may differ in length.
        """

    @abstractmethod
    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> torch.Tensor:
        """Append one token to each of `rows`: the logits [N, V] float32 of the token after it.

        Only rows shorter than `context_length` may go on; no row twice in one call.
        """

    @abstractmethod
    def fork(self, row: int) -> int:
        """A new row with the same past as `row`."""

    @abstractmethod
    def drop(self, rows: Sequence[int]) -> None:
        """End rows and free what they held."""

    @abstractmethod
    def score(self, sequences: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        """For each sequence the natural log-probability of every token after its first: [length - 1] float32.

        Each sequence has 2 to `context_length + 1` tokens. Leaves no row behind.
        """
