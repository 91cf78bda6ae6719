"""The contract of a model runner: what computes logits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self, TypeAlias

if TYPE_CHECKING:
    import torch

    from zaoju.contracts.options import Options


Ability: TypeAlias = Literal["append", "rewind", "hidden"]
"""`append`: `append` works. `rewind`: `extend` and `rewind` work. `hidden`: `prefill(keep_hidden=True)` and `hidden`
work."""


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

    abilities: frozenset[Ability] = frozenset()
    """What the runner can do for this model beyond the five methods that every runner has. Drafts need `rewind`; with
    `append` a long prompt is read in pieces between the steps of others, and with both, prompts that begin alike are
    read once."""

    tokens_per_pass: int = 512
    """How many tokens of prompts one pass takes, so that running texts never wait for longer than that. Acts where
    the runner has the ability `append`."""

    @classmethod
    @abstractmethod
    def open(cls, folder: Path, *, device: str = "auto", options: Options | None = None) -> Self:
        """Read the model in `folder`.

        `options` is an instance of the model that the component names in `options=`; None means its defaults. Raises
        `ArtefactError` where the folder cannot be used by this runner, with the reason.
        """

    def row_bytes(self, length: int) -> int | None:
        """What a row of `length` tokens takes in memory, in bytes; None where the runner cannot say."""
        return None

    def most_rows(self, length: int) -> int | None:
        """How many rows of `length` tokens the runner has memory for in all; None where nothing bounds them.

        The engine lets no more texts run at once. Where the memory is gone all the same, `prefill`, `step`, `append`,
        `extend` and `fork` raise `CacheFullError` and leave every row as it was.
        """
        return None

    @abstractmethod
    def prefill(self, prompts: Sequence[Sequence[int]], *, keep_hidden: bool = False) -> tuple[list[int], torch.Tensor]:
        """Start one row per prompt: the new rows' handles, and the logits [N, V] float32 of the next token of each.

        Prompts have at least one token and at most `context_length`, and may differ in length. With `keep_hidden`
        these rows, and the forks of them, keep what `hidden` gives.
        """

    def known(self, prompt: Sequence[int]) -> int:
        """How many of the first tokens of `prompt` cost nothing to read, because a row begins with them."""
        return 0

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

    def append(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> torch.Tensor:
        """Append at least one token to each of `rows`: the logits [N, V] float32 after the last of each.

        What `step` gives for one token after the other, in one pass. Only for a runner with the ability `append`.
        """
        raise NotImplementedError("a runner with the ability `append` takes several tokens at a time")

    def extend(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        """Append at least one token to each of `rows`: for each row the logits [new tokens, V] float32 after each.

        What `step` gives for one token after the other, in one pass. Only for a runner with the ability `rewind`.
        """
        raise NotImplementedError("a runner with the ability `rewind` extends rows")

    def rewind(self, rows: Sequence[int], counts: Sequence[int]) -> None:
        """Let each of `rows` forget so many of its last tokens; at least one stays. Only with the ability `rewind`."""
        raise NotImplementedError("a runner with the ability `rewind` takes tokens back")

    def hidden(self, row: int) -> torch.Tensor:
        """[length, width] float32: the last hidden states, from which the logits come, for all tokens of a row.

        Only with the ability `hidden`, and for rows that `prefill` was asked to keep them for.
        """
        raise NotImplementedError("a runner with the ability `hidden` keeps hidden states")

    @abstractmethod
    def score(self, sequences: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        """For each sequence the natural log-probability of every token after its first: [length - 1] float32.

        Each sequence has 2 to `context_length + 1` tokens. Leaves no row behind.
        """
