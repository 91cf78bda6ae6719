"""A chain at work: transforms in their order, then a selector, over rows that may each have other numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from zaoju.contracts import History, Selector, StepContext, Transform
from zaoju.errors import PluginError
from zaoju.generation.uniforms import uniform

if TYPE_CHECKING:
    from zaoju.config import DecodingPlan


@dataclass(frozen=True, slots=True)
class ChainRow:
    """What a chain must know of one row: its numbers, its seed, and how many tokens it has generated."""

    options: Mapping[str, float]
    seed: int
    index: int


@dataclass(frozen=True, slots=True)
class _Link:
    """One transform and the names of its options."""

    transform: Transform
    options: tuple[str, ...]

    def idle(self, rows: Sequence[ChainRow]) -> bool:
        """Whether every row has the neutral values, where the contract says that nothing changes."""
        neutral = self.transform.neutral
        return bool(self.options) and all(
            name in neutral and all(row.options[name] == neutral[name] for row in rows) for name in self.options
        )


class Chain:
    """The transforms and the selector of a plan, created once."""

    def __init__(self, plan: DecodingPlan) -> None:
        self._names = [component.name for component in (*plan.chain, plan.selector)]
        self._links = [_Link(part.create(Transform), tuple(part.options)) for part in plan.chain]
        self._selector = plan.selector.create(Selector)

    @staticmethod
    def key(plan: DecodingPlan) -> tuple[str, ...]:
        """Plans with equal keys can share a chain, whatever their numbers are."""
        return tuple(component.target for component in (*plan.chain, plan.selector))

    def select(
        self, logits: torch.Tensor, rows: Sequence[ChainRow], history: History, end_of_text: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """For `logits` [N, V] float32 the chosen tokens [N] int64, and [N] bool: where the chain left no token."""
        device = logits.device

        def random(stream: str) -> torch.Tensor:
            numbers = [uniform(row.seed, row.index, stream) for row in rows]
            return torch.tensor(numbers, dtype=torch.float64, device=device)

        context = StepContext(
            index=torch.tensor([row.index for row in rows], device=device),
            history=history,
            vocabulary_size=logits.shape[1],
            end_of_text=end_of_text,
            random=random,
        )
        for link in self._links:
            if not link.idle(rows):
                columns = {name: _column([row.options[name] for row in rows], device) for name in link.options}
                logits = link.transform.apply(logits, columns, context)
        tokens = self._selector.select(logits, context)
        return tokens, ~logits.gather(1, tokens.unsqueeze(1)).squeeze(1).isfinite()

    def left_nothing(self, step: int) -> PluginError:
        """The error for a row of which the chain left no token."""
        return PluginError(
            f"decoding: the chain {' -> '.join(self._names)} left no token to choose as token {step} of the text. "
            "A transform must keep at least one token of every row: leave out the faulty one, or tell its author"
        )


def _column(values: Sequence[float], device: torch.device) -> torch.Tensor:
    """One value per row: int64 where the option is a whole number or a switch, float64 elsewhere."""
    whole = all(isinstance(value, int) for value in values)
    return torch.tensor(values, dtype=torch.int64 if whole else torch.float64, device=device)
