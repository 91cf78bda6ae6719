"""A chain at work: transforms in their order, then a selector, over rows that may each have other options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from zaoju.contracts import Columns, History, Selector, StepContext, TokenTable, Transform
from zaoju.errors import PluginError
from zaoju.generation.columns import column, looks_are_free, stack_padded, upload, whole_numbers
from zaoju.generation.compiled_chain import CompiledChain, compiles_on
from zaoju.generation.faulty_parts import naming
from zaoju.generation.history import UnreadHistory
from zaoju.generation.row_states import RowState, States, states_of
from zaoju.generation.uniforms import Uniforms

if TYPE_CHECKING:
    from zaoju.config import DecodingPlan
    from zaoju.plugins import JSON, ResolvedComponent


@dataclass(frozen=True, slots=True, eq=False)
class RowSettings:
    """What a chain is told of one row, once; the same object for as long as the row and its forks run."""

    options: Mapping[str, JSON]
    seed: int
    prepared: Mapping[str, Columns]
    """By the name of a transform, what it prepared for the row."""

    idle: frozenset[str]
    """The transforms that change nothing at the row's options."""

    def with_seed(self, seed: int) -> RowSettings:
        """The same row with other random numbers."""
        return self if seed == self.seed else replace(self, seed=seed)


@dataclass(frozen=True, slots=True)
class RowBatch:
    """The settings of rows that go through a chain together, as tensors on the device of the logits."""

    rows: Sequence[RowSettings]
    columns: Sequence[Columns | None]
    """The options of each transform of the chain; None where it is idle for all rows."""

    idle: Sequence[torch.Tensor | None]
    """[N, 1] bool for each transform: the rows for which it is idle; None where it is so for none."""

    uniforms: Uniforms


@dataclass(frozen=True, slots=True)
class Link:
    """One transform of a chain."""

    component: ResolvedComponent
    transform: Transform

    @property
    def name(self) -> str:
        return self.component.name

    @property
    def options(self) -> Iterable[str]:
        return self.component.options

    @property
    def remembers(self) -> bool:
        return type(self.transform).init_state is not Transform.init_state

    def idle(self, options: Mapping[str, JSON]) -> bool:
        neutral = self.transform.neutral
        return bool(neutral) and all(options.get(name) == _plain(value) for name, value in neutral.items())

    def columns(self, rows: Sequence[RowSettings], device: torch.device) -> Columns:
        values = {name: [row.options[name] for row in rows] for name in self.options}
        numbers = {name: column(given, device) for name, given in values.items()}
        prepared = stack_padded([row.prepared.get(self.name, {}) for row in rows], device)
        return {name: tensor for name, tensor in numbers.items() if tensor is not None} | prepared


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a transform that remembers saw and did in one step."""

    link: Link
    state: Columns
    before: torch.Tensor
    after: torch.Tensor
    columns: Columns


@dataclass(frozen=True, slots=True)
class Applied:
    """What a chain made of the logits of some rows."""

    logits: torch.Tensor
    """[N, V] float32."""

    context: StepContext
    seen: Sequence[_Seen]

    def masked(self, allowed: torch.Tensor) -> Applied:
        """The same with only the tokens that `allowed` [N, V] has: whatever a transform did, a constraint holds."""
        return replace(self, logits=self.logits.masked_fill(~allowed, float("-inf")))

    def part(self, start: int, stop: int, logits: torch.Tensor) -> Applied:
        """The rows from `start` to `stop`, with other logits."""
        context, history = self.context, self.context.history
        some = slice(start, stop)
        part = replace(
            context,
            index=context.index[some],
            history=UnreadHistory(
                lambda: History(history.tokens[some], history.valid[some], history.prompt_length[some])
            ),
            random=lambda stream: context.random(stream)[some],
        )
        return Applied(logits, part, ())


class Chain:
    """The transforms and the selector of a plan, created once. Holds nothing of any row."""

    def __init__(self, plan: DecodingPlan) -> None:
        self._label = " -> ".join(component.name for component in (*plan.chain, *plan.choosers))
        self._links = [Link(part, part.create(Transform)) for part in plan.chain]
        self._selector = None if plan.selector is None else plan.selector.create(Selector)
        self._selecting = plan.selector
        transforms = [link.transform for link in self._links]
        self._compiled = None if self._selector is None else CompiledChain(self._label, transforms, self._selector)

    @staticmethod
    def key(plan: DecodingPlan) -> tuple[str, ...]:
        """Plans with equal keys can share a chain, whatever their options are."""
        return tuple(component.target for component in (*plan.chain, *plan.choosers))

    def settings(self, options: Mapping[str, JSON], seed: int, prompt: Sequence[int], table: TokenTable) -> RowSettings:
        """What is told of a new row. Raises `UserError` for options that the vocabulary cannot serve."""
        idle = self.idle(options)
        prepared: dict[str, Columns] = {}
        for link in self._links:
            if link.name not in idle:
                with naming(link.component):
                    given = link.transform.prepare({name: options[name] for name in link.options}, prompt, table)
                if given:
                    prepared[link.name] = given
        return RowSettings(options, seed, prepared, idle)

    def idle(self, options: Mapping[str, JSON]) -> frozenset[str]:
        """The transforms that change nothing at these options."""
        return frozenset(link.name for link in self._links if link.idle(options))

    def first_states(self, settings: RowSettings) -> States:
        """The states of a row before its first token."""
        states: dict[str, RowState] = {}
        for link in self._links:
            if link.remembers and link.name not in settings.idle:
                with naming(link.component):
                    state = link.transform.init_state(link.columns([settings], torch.device("cpu")))
                states[link.name] = RowState(state, 0, 1)
        return states

    def batch(self, rows: Sequence[RowSettings], device: torch.device) -> RowBatch:
        """The rows together; use it again while the same rows go on together."""
        idle = self._idle(rows)
        columns = [
            None if all(some) else link.columns(rows, device) for link, some in zip(self._links, idle, strict=True)
        ]
        return RowBatch(rows, columns, _masks(idle, device), Uniforms([row.seed for row in rows]))

    def part(self, batch: RowBatch, places: Sequence[int], device: torch.device) -> RowBatch:
        """The rows of a batch at `places`, from what is on the device already."""
        index = whole_numbers(places, device)
        rows = [batch.rows[place] for place in places]
        idle = self._idle(rows)
        columns = [
            None if whole is None or all(some) else {name: one.index_select(0, index) for name, one in whole.items()}
            for whole, some in zip(batch.columns, idle, strict=True)
        ]
        return RowBatch(rows, columns, _masks(idle, device), batch.uniforms.part(places))

    def _idle(self, rows: Sequence[RowSettings]) -> list[list[bool]]:
        """For each transform, for each row whether it changes nothing."""
        return [[link.name in row.idle for row in rows] for link in self._links]

    def apply(
        self,
        logits: torch.Tensor,
        batch: RowBatch,
        indices: Sequence[int],
        states: Sequence[States],
        history: History,
        table: TokenTable,
    ) -> Applied:
        """Send `logits` [N, V] float32 through the transforms. `indices` counts what each row has generated."""
        context = _context(logits, batch, indices, history, table)
        seen: list[_Seen] = []
        link = None
        try:
            for link, columns, idle in zip(self._links, batch.columns, batch.idle, strict=True):
                if columns is None:
                    continue
                state = states_of(link.name, states, logits.device) if link.remembers else {}
                after = link.transform.apply(logits, columns, replace(context, state=state) if state else context)
                _check_form(link.name, after, logits)
                if state:
                    seen.append(_Seen(link, state, logits, after, columns))
                logits = after if idle is None else _without(idle, logits, after)
        except Exception:
            assert link is not None
            with naming(link.component):
                raise
        return Applied(logits, context, seen)

    def select(self, applied: Applied) -> torch.Tensor:
        """The selector's choices: [N] int64."""
        if self._selector is None or self._selecting is None:
            raise PluginError("a search calls the selector and does not name `selector` in its Component.needs")
        try:
            return self._selector.select(applied.logits, applied.context)
        except Exception:
            with naming(self._selecting):
                raise

    def compiled(
        self, logits: torch.Tensor, batch: RowBatch, indices: Sequence[int], history: History, table: TokenTable
    ) -> tuple[Applied, torch.Tensor] | None:
        """`apply` and `select` as one compiled function: what the transforms made of `logits`, and the choices [N].

        None where it does not pay or cannot be: on a CPU, or where a transform acts that remembers or that
        `torch.compile` cannot capture; then call the two.
        """
        if self._compiled is None or not compiles_on(logits.device):
            return None
        if any(link.remembers and acts is not None for link, acts in zip(self._links, batch.columns, strict=True)):
            return None
        context = _context(logits, batch, indices, history, table)
        made = self._compiled.run(logits, batch.columns, batch.idle, context)
        return None if made is None else (Applied(made[0], context, ()), made[1])

    def observe(
        self, applied: Applied, rows: Sequence[int], tokens: torch.Tensor, old: Sequence[States]
    ) -> list[States]:
        """The states after row `rows[i]` of what was applied was continued with `tokens[i]`; `old[i]` are its states.

        A row may be continued several times.
        """
        if not applied.seen or not rows:
            return list(old)
        whole = list(rows) == list(range(len(applied.logits)))
        index = None if whole else whole_numbers(rows, applied.logits.device)

        def pick(tensor: torch.Tensor) -> torch.Tensor:
            return tensor if index is None else tensor.index_select(0, index)

        new = [dict(states) for states in old]
        for seen in applied.seen:
            with naming(seen.link.component):
                state = seen.link.transform.observe(
                    {name: pick(tensor) for name, tensor in seen.state.items()},
                    tokens,
                    pick(seen.before),
                    pick(seen.after),
                    {name: pick(tensor) for name, tensor in seen.columns.items()},
                )
            for row, states in enumerate(new):
                if seen.link.name in states:
                    states[seen.link.name] = RowState(state, row, len(rows))
        return list(new)

    def left_nothing(self, step: int) -> PluginError:
        """The error for a row of which the chain left no token."""
        return PluginError(
            f"decoding: the chain {self._label} left no token to choose as token {step} of the text. "
            "A transform must keep at least one token of every row: leave out the faulty one, or tell its author"
        )


def _masks(idle: Sequence[Sequence[bool]], device: torch.device) -> list[torch.Tensor | None]:
    return [upload(np.array(some), device).unsqueeze(1) if any(some) else None for some in idle]


def _context(
    logits: torch.Tensor, batch: RowBatch, indices: Sequence[int], history: History, table: TokenTable
) -> StepContext:
    return StepContext(
        index=whole_numbers(indices, logits.device),
        history=history,
        vocabulary_size=logits.shape[1],
        end_of_text=table.end_of_text,
        random=partial(_random, batch.uniforms, indices, logits.device),
    )


def _random(uniforms: Uniforms, indices: Sequence[int], device: torch.device, stream: str) -> torch.Tensor:
    return upload(uniforms.at(indices, stream), device)


def _without(idle: torch.Tensor, before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    """`after`, but the `idle` [N, 1] rows of `before`."""
    if not looks_are_free(after.device):
        return torch.where(idle, before, after)
    # There, rows that are copied cost a fraction of tokens that are asked one by one.
    rows = idle.squeeze(1).nonzero().squeeze(1)
    return after.index_copy(0, rows, before.index_select(0, rows))


def _check_form(name: str, after: torch.Tensor, before: torch.Tensor) -> None:
    if after.shape != before.shape or after.dtype != before.dtype:
        raise PluginError(
            f"decoding: transform {name!r} gave {after.dtype} {list(after.shape)} for {before.dtype} "
            f"{list(before.shape)}: it must keep type and shape; leave it out, or tell its author"
        )


def _plain(value: object) -> object:
    """A neutral value as a resolved option would have it."""
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value
