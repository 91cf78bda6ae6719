"""Rows as an engine hands them to a transform or a selector: each with options, a history and a seed of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from zaoju.contracts import Columns, History, StepContext
from zaoju.generation.columns import column, stack_padded, stack_rows, unstack_rows
from zaoju.generation.uniforms import uniform

_CPU = torch.device("cpu")
END_OF_TEXT = 0


@dataclass(frozen=True, repr=False)
class Row:
    """One row. The `reference` that an author may write gets it too."""

    name: str
    """What the row is, for messages."""

    logits: torch.Tensor
    """[V] float32."""

    options: Mapping[str, object] = field(default_factory=dict)
    """Every option of the transform, as JSON has it."""

    tokens: tuple[int, ...] = ()
    """The history, prompt included."""

    prompt_length: int = 0
    seed: int = 0

    index: int = 0
    """How many tokens the row has generated."""

    end_of_text: int = END_OF_TEXT

    prepared: Columns = field(default_factory=dict)
    """What `Transform.prepare` gave for this row."""

    state: Columns = field(default_factory=dict)
    """The row's state, without the dimension of the rows."""

    def __repr__(self) -> str:
        """Short, as pytest shows it where a check fails."""
        return f"<row: {self.name}>"

    def random(self, stream: str) -> float:
        """The row's random number in (0, 1) from the named stream."""
        return uniform(self.seed, self.index, stream)


@dataclass(frozen=True, repr=False)
class Rows:
    """N rows that are handed over together."""

    rows: tuple[Row, ...]

    filler: int = 3
    """The token in places of the history that are not valid."""

    spare: int = 0
    """How many places more than its longest row the history has."""

    prepared_spare: int = 0
    """How many places more than needed prepared tensors have, in every dimension."""

    def __repr__(self) -> str:
        """Short, as pytest shows it where a check fails."""
        return f"<{len(self.rows)} rows, the first: {self.rows[0].name}>"

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, order: Sequence[int]) -> Rows:
        """The rows with these numbers, in this order."""
        return replace(self, rows=tuple(self.rows[number] for number in order))

    @property
    def logits(self) -> torch.Tensor:
        """[N, V] float32, in memory of its own."""
        return torch.stack([row.logits for row in self.rows])

    def columns(self) -> dict[str, torch.Tensor]:
        """The options that are numbers, and what was prepared of the others."""
        numbers = {name: column([row.options[name] for row in self.rows], _CPU) for name in self.rows[0].options}
        prepared = stack_padded([row.prepared for row in self.rows], _CPU)
        return {name: values for name, values in numbers.items() if values is not None} | {
            name: _with_spare(tensor, self.prepared_spare) for name, tensor in prepared.items()
        }

    def state(self) -> dict[str, torch.Tensor]:
        """The states of the rows."""
        return stack_rows([row.state for row in self.rows], _CPU)

    def with_state(self, state: Columns) -> Rows:
        """The same rows with these states."""
        states = unstack_rows(state, len(self))
        return replace(self, rows=tuple(replace(row, state=own) for row, own in zip(self.rows, states, strict=True)))

    def history(self) -> History:
        """The histories of the rows, padded at their ends."""
        longest = max(len(row.tokens) for row in self.rows) + self.spare
        tokens = [[*row.tokens, *[self.filler] * (longest - len(row.tokens))] for row in self.rows]
        lengths = torch.tensor([len(row.tokens) for row in self.rows])
        return History(
            tokens=torch.tensor(tokens, dtype=torch.int64).view(len(self), longest),
            valid=torch.arange(longest).unsqueeze(0) < lengths.unsqueeze(1),
            prompt_length=torch.tensor([row.prompt_length for row in self.rows]),
        )

    def context(self, random: Callable[[str], torch.Tensor] | None = None) -> StepContext:
        """The context of these rows, with their own random numbers or others."""
        return StepContext(
            index=torch.tensor([row.index for row in self.rows]),
            history=self.history(),
            vocabulary_size=self.rows[0].logits.shape[0],
            end_of_text=self.rows[0].end_of_text,
            random=random or self.numbers,
            state=self.state(),
        )

    def numbers(self, stream: str) -> torch.Tensor:
        """[N] float64: the random numbers of these rows."""
        return torch.tensor([row.random(stream) for row in self.rows], dtype=torch.float64)


def tensors_of(logits: torch.Tensor, columns: Columns, context: StepContext) -> dict[str, torch.Tensor]:
    """Every tensor that a component gets to see and must not write to, by what an author calls it."""
    return {
        "logits": logits,
        **{f"options[{name!r}]": column for name, column in columns.items()},
        **{f"context.state[{name!r}]": column for name, column in context.state.items()},
        "context.index": context.index,
        "context.history.tokens": context.history.tokens,
        "context.history.valid": context.history.valid,
        "context.history.prompt_length": context.history.prompt_length,
    }


def is_number(value: object) -> bool:
    """Whether an option is a column by itself; every other goes through `Transform.prepare`."""
    return isinstance(value, bool | int | float)


def same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors are equal bit for bit: 0 is not -0 here, and one NaN equals itself."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if one.dtype == torch.float32:
        return torch.equal(one.contiguous().view(torch.int32), other.contiguous().view(torch.int32))
    if one.dtype == torch.float64:
        return torch.equal(one.contiguous().view(torch.int64), other.contiguous().view(torch.int64))
    return torch.equal(one, other)


def _with_spare(tensor: torch.Tensor, spare: int) -> torch.Tensor:
    """More padding at the end of every dimension but that of the rows."""
    places = [0, spare] * (tensor.dim() - 1)
    return torch.nn.functional.pad(tensor, places, value=-1 if tensor.dtype == torch.int64 else 0)
