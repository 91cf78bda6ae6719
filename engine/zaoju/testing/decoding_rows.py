"""Rows of logits that break careless code, each with options, a history and a seed of its own."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from zaoju.contracts import Columns, History, StepContext
from zaoju.generation.uniforms import uniform

WIDTH = 64
_NOTHING = float("-inf")
_END_OF_TEXT = 0
_LONGEST_HISTORY = 12


def logit_cases() -> dict[str, torch.Tensor]:
    """Rows of `WIDTH` float32 logits by name; each has at least one token that is left."""
    generator = torch.Generator().manual_seed(7)
    ordinary = torch.randn(WIDTH, generator=generator) * 4
    filtered = ordinary.masked_fill(torch.rand(WIDTH, generator=generator) < 0.6, _NOTHING)
    filtered[[0, WIDTH - 1]] = _NOTHING
    one_left = torch.full((WIDTH,), _NOTHING)
    one_left[5] = -3.0
    certain = torch.full((WIDTH,), -1e4)
    certain[WIDTH - 1] = 1e4
    zeros = torch.zeros(WIDTH)
    zeros[::2] = -0.0
    return {
        "ordinary": ordinary,
        "all positive": ordinary.abs() + 0.5,
        "all negative": -ordinary.abs() - 0.5,
        "all equal": zeros,
        "all equal and far from zero": torch.full((WIDTH,), 88.5),
        "rounded to bfloat16, with ties": ordinary.bfloat16().float(),
        "nearly equal": 1 + torch.arange(WIDTH).remainder(3) * 2.0**-23,
        "very large and very small": ordinary.sign() * 1e4 + ordinary,
        "one token is certain": certain,
        "after another filter": filtered,
        "one token is left": one_left,
    }


@dataclass(frozen=True)
class Rows:
    """N rows as an engine hands them to a transform or a selector."""

    names: Sequence[str]
    """What each row is, for messages."""

    logits: torch.Tensor
    columns: Columns
    history: History
    seeds: Sequence[int]
    indices: Sequence[int]

    @property
    def context(self) -> StepContext:
        """The context of these rows."""

        def numbers(stream: str) -> torch.Tensor:
            drawn = [uniform(seed, index, stream) for seed, index in zip(self.seeds, self.indices, strict=True)]
            return torch.tensor(drawn, dtype=torch.float64)

        return StepContext(
            index=torch.tensor(self.indices, dtype=torch.int64),
            history=self.history,
            vocabulary_size=self.logits.shape[1],
            end_of_text=_END_OF_TEXT,
            random=numbers,
        )

    def take(self, order: Sequence[int]) -> Rows:
        """The rows with these numbers, in this order."""
        chosen = torch.tensor(order)
        history = History(self.history.tokens[chosen], self.history.valid[chosen], self.history.prompt_length[chosen])
        return Rows(
            [self.names[number] for number in order],
            self.logits[chosen],
            {name: column[chosen] for name, column in self.columns.items()},
            history,
            [self.seeds[number] for number in order],
            [self.indices[number] for number in order],
        )

    def with_other_padding(self) -> Rows:
        """The same rows, with other tokens where the history is not valid, and with more of them."""
        more = 3
        width = self.logits.shape[1]
        other = self.history.tokens.where(self.history.valid, (self.history.tokens + 1) % width)
        tokens = torch.cat([other, torch.full((len(other), more), width - 1)], dim=1)
        valid = torch.nn.functional.pad(self.history.valid, (0, more))
        return replace(self, history=History(tokens, valid, self.history.prompt_length))

    def copy(self) -> Rows:
        """The same rows in memory of their own."""
        history = self.history
        return replace(
            self,
            logits=self.logits.clone(),
            columns={name: column.clone() for name, column in self.columns.items()},
            history=History(history.tokens.clone(), history.valid.clone(), history.prompt_length.clone()),
        )

    def tensors(self) -> dict[str, torch.Tensor]:
        """Every tensor that a plugin gets to see and must not write to."""
        history = self.history
        return {
            "logits": self.logits,
            **{f"options[{name!r}]": column for name, column in self.columns.items()},
            "context.history.tokens": history.tokens,
            "context.history.valid": history.valid,
            "context.history.prompt_length": history.prompt_length,
        }


def make_rows(cases: Mapping[str, torch.Tensor], settings: Sequence[Mapping[str, float]]) -> Rows:
    """Every case with every setting of the options."""
    pairs = [(name, logits, options) for name, logits in cases.items() for options in settings]
    draw = random.Random(3)
    width = len(pairs[0][1])
    lengths = [draw.randint(0, _LONGEST_HISTORY) for _ in pairs]
    tokens = [[draw.randrange(width) for _ in range(_LONGEST_HISTORY)] for _ in pairs]
    positions = torch.arange(_LONGEST_HISTORY)
    history = History(
        tokens=torch.tensor(tokens),
        valid=positions.unsqueeze(0) < torch.tensor(lengths).unsqueeze(1),
        prompt_length=torch.tensor([length // 2 for length in lengths]),
    )
    return Rows(
        names=[f"{name}, {dict(options)}" for name, _, options in pairs],
        logits=torch.stack([logits for _, logits, _ in pairs]),
        columns={name: _column([options[name] for _, _, options in pairs]) for name in settings[0]},
        history=history,
        seeds=[draw.getrandbits(53) for _ in pairs],
        indices=[length - length // 2 for length in lengths],
    )


def same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors are equal bit for bit: 0 is not -0 here, and one NaN equals itself."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if one.dtype == torch.float32:
        return torch.equal(one.contiguous().view(torch.int32), other.contiguous().view(torch.int32))
    return torch.equal(one, other)


def _column(values: Sequence[float]) -> torch.Tensor:
    whole = all(isinstance(value, int) for value in values)
    return torch.tensor(values, dtype=torch.int64 if whole else torch.float64)
