"""One token further: from the logits of many lines to what each task makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import torch

from zaoju.contracts import SearchStep, TokenTable
from zaoju.errors import ArtefactError, PluginError, UserError
from zaoju.generation.chain import Applied, Chain
from zaoju.generation.columns import to_host, whole_numbers
from zaoju.generation.history import TokenHistory
from zaoju.generation.line import Line
from zaoju.generation.recent_batches import RecentBatches
from zaoju.generation.search_task import SearchTask
from zaoju.generation.shared_runner import SharedRunner
from zaoju.generation.task import Task
from zaoju.generation.token_reports import reports


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Lines that go through one chain together."""

    chain: Chain
    places: Sequence[int]
    """Where they stand among all lines."""

    lines: Sequence[Line]
    applied: Applied
    tokens: torch.Tensor | None
    """[N] int64: what the selector took; None where a search decides."""


class Advance:
    """Chooses tokens for one loop. Lines of one chain go through it together, whatever their options are.

    Where no line has a search or a constraint or reports, everything of a step is asked of the device before the host
    looks at any of it, and the host looks once.
    """

    def __init__(self, runner: SharedRunner, history: TokenHistory, table: TokenTable) -> None:
        self._runner = runner
        self._history = history
        self._table = table
        self._batches = RecentBatches(history.device)

    def choose(self, tasks: Sequence[Task], raw: torch.Tensor) -> None:
        """Let every task go on from `raw` [W, V] float32, the logits of the token after each of its lines."""
        lines = [line for task in tasks for line in task.lines]
        logits, allowed = raw, None
        searches = [task for task in tasks if isinstance(task, SearchTask)]
        if searches or any(line.restricted for line in lines):
            # Both look at numbers, so these must be some.
            _check_finite(lines, raw.amax(dim=1).tolist())
            logits = self._mixed(tasks, raw)
            allowed = self._allowed(lines, logits.device)
            if allowed is not None:
                logits = logits.masked_fill(~allowed, float("-inf"))
                _check_allowed(lines, logits.amax(dim=1).tolist())
        try:
            groups = [
                self._through(chain, places, lines, logits, allowed) for chain, places in _by_chain(tasks).items()
            ]
        except PluginError:
            # What is no number may break a part that is not to blame.
            _check_finite(lines, raw.amax(dim=1).tolist())
            raise
        self._select(lines, raw, groups)
        # Each task's lines stand together.
        start = 0
        for task in tasks if searches else ():
            width = len(task.lines)
            if isinstance(task, SearchTask):
                group = next(group for group in groups if group.chain is task.job.chain)
                self._search(task, raw[start : start + width], group.applied, group.places.index(start))
            start += width

    def release(self, lines: Sequence[Line]) -> None:
        """Free what lines hold."""
        rows = [line.row for line in lines if line.row >= 0]
        for line in lines:
            if line.slot >= 0:
                self._history.remove(line.slot)
            line.row = line.slot = -1
        if rows:
            self._runner.drop(rows)

    def _through(
        self,
        chain: Chain,
        places: Sequence[int],
        lines: Sequence[Line],
        logits: torch.Tensor,
        allowed: torch.Tensor | None,
    ) -> _Group:
        """Send the lines at `places` through their chain, to its selector where no search decides."""
        # Most often all lines have one chain, and nothing need be copied.
        if len(places) < len(lines):
            index = whole_numbers(places, logits.device)
            logits = logits.index_select(0, index)
            allowed = None if allowed is None else allowed.index_select(0, index)
            lines = [lines[place] for place in places]
        batch = self._batches.of(chain, [line.settings for line in lines])
        indices = [line.generated for line in lines]
        history = self._history.of([line.slot for line in lines])
        # A chain belongs to one search or to none: `Chain.key`.
        searched = lines[0].job.plan.search is not None
        if allowed is None and not searched:
            made = chain.compiled(logits, batch, indices, history, self._table)
            if made is not None:
                return _Group(chain, places, lines, *made)
        applied = chain.apply(logits, batch, indices, [line.states for line in lines], history, self._table)
        if allowed is not None:
            applied = applied.masked(allowed)
        return _Group(chain, places, lines, applied, None if searched else chain.select(applied))

    def _select(self, lines: Sequence[Line], raw: torch.Tensor, groups: Sequence[_Group]) -> None:
        """The lines that no search decides about take what the selectors chose."""
        chosen = [(group, group.tokens) for group in groups if group.tokens is not None]
        if not chosen:
            return
        left = [group.applied.logits.gather(1, tokens.unsqueeze(1)).squeeze(1) for group, tokens in chosen]
        # The one look of the host: at the tokens, and at what tells whether anything is wrong.
        largest, *numbers = to_host([raw.amax(dim=1), *left, *[tokens for _, tokens in chosen]])
        _check_finite(lines, largest)
        for (group, _), logits in zip(chosen, numbers[: len(chosen)], strict=True):
            _check_left(group, logits)
        for (group, tokens), taken in zip(chosen, numbers[len(chosen) :], strict=True):
            self._accept(group, tokens, list(map(int, taken)), raw)

    def _accept(self, group: _Group, tokens: torch.Tensor, chosen: Sequence[int], raw: torch.Tensor) -> None:
        """Let each line of a group go on by its one of `tokens`, which are `chosen` on the host."""
        lines, applied = group.lines, group.applied
        _report(lines, raw, group.places, applied.logits, range(len(lines)), chosen)
        if applied.seen:
            states = group.chain.observe(applied, range(len(lines)), tokens, [line.states for line in lines])
            for line, new in zip(lines, states, strict=True):
                line.states = new
        self._history.append([line.slot for line in lines], chosen)
        for line, token in zip(lines, chosen, strict=True):
            line.accept(token)

    def _search(self, task: SearchTask, raw: torch.Tensor, applied: Applied, first: int) -> None:
        """The search decides which lines go on, with which tokens; rows, slots and states follow it."""
        chain, lines = task.job.chain, task.lines
        own = applied.part(first, first + len(lines), applied.logits[first : first + len(lines)])
        step = task.decide(raw, own, lambda logits: chain.select(own.part(0, len(lines), logits)), self._runner.hidden)

        def accept(line: Line, row: int, token: int) -> None:
            _report([line], raw, [row], own.logits, [row], [token])
            line.accept(token)

        task.finish_lines(step, accept)
        children = [lines[row].fork() for row in step.rows]
        _report(children, raw, step.rows, own.logits, step.rows, step.tokens)
        states = [lines[row].states for row in step.rows]
        if applied.seen:
            tokens = whole_numbers(step.tokens, raw.device)
            states = chain.observe(applied, [first + row for row in step.rows], tokens, states)
        for child, token, new in zip(children, step.tokens, states, strict=True):
            child.accept(token)
            child.states = new
        if children and not step.done:
            self._hand_over(lines, children, step)
        self.release(lines)
        task.go_on(children, step)

    def _hand_over(self, lines: Sequence[Line], children: Sequence[Line], step: SearchStep) -> None:
        """Give each new line a row and a slot: the last that continues a line takes its own, the others get copies."""
        heirs = {row: child for child, row in zip(children, step.rows, strict=True)}
        self.release([line for row, line in enumerate(lines) if row not in heirs])
        try:
            for child, row in zip(children, step.rows, strict=True):
                if heirs[row] is not child:
                    child.row = self._runner.fork(lines[row].row)
                    child.slot = self._history.fork(lines[row].slot)
            for row, child in heirs.items():
                child.row, child.slot = lines[row].row, lines[row].slot
                lines[row].row = lines[row].slot = -1
            self._history.append([child.slot for child in children], step.tokens)
        except BaseException:
            self.release(children)
            raise

    @staticmethod
    def _mixed(tasks: Sequence[Task], raw: torch.Tensor) -> torch.Tensor:
        """The logits after searches have mixed those of their lines."""
        logits, start = raw, 0
        for task in tasks:
            stop = start + len(task.lines)
            if isinstance(task, SearchTask):
                own = raw[start:stop]
                mixed = task.mix(own)
                if mixed is not own:
                    logits = logits.clone() if logits is raw else logits
                    logits[start:stop] = mixed
            start = stop
        return logits

    def _allowed(self, lines: Sequence[Line], device: torch.device) -> torch.Tensor | None:
        """[W, V] bool: what constraints and open ends of prompts allow; None where no line has any."""
        if not any(line.restricted for line in lines):
            return None
        allowed = torch.ones(len(lines), self._table.size, dtype=torch.bool)
        for mask, line in zip(allowed, lines, strict=True):
            line.write_allowed(mask)
        return allowed.to(device)


def _by_chain(tasks: Sequence[Task]) -> dict[Chain, list[int]]:
    """For each chain the places of its lines among those of all tasks."""
    places: dict[Chain, list[int]] = {}
    start = 0
    for task in tasks:
        stop = start + len(task.lines)
        places.setdefault(task.job.chain, []).extend(range(start, stop))
        start = stop
    return places


def _check_finite(lines: Sequence[Line], largest: Sequence[float]) -> None:
    """Look at the largest logit of each row: it is NaN where any is, and infinite where none is left."""
    place = _first_infinite(largest)
    if place is None:
        return
    line = lines[place]
    raise ArtefactError(
        f"the model gave logits that are not finite for token {line.generated + 1} of the text after "
        f"{line.job.prompt[:20]!r}: its weights are damaged, or its number format overflows; check the "
        "training, or load it in float32"
    )


def _check_allowed(lines: Sequence[Line], largest: Sequence[float]) -> None:
    """Look at the largest logit that each row's constraint leaves."""
    place = _first_infinite(largest)
    if place is None:
        return
    line = lines[place]
    constraint = line.job.plan.constraint
    raise UserError(
        f"the constraint {constraint.name if constraint else ''!r} allows no token of the model as token "
        f"{line.generated + 1} of the text after {line.job.prompt[:20]!r}, which so far is {line.text[-40:]!r}: "
        "the vocabulary cannot write what it asks for, or it contradicts itself; change the constraint"
    )


def _check_left(group: _Group, logits: Sequence[float]) -> None:
    """Look at the logits of the tokens that were chosen."""
    place = _first_infinite(logits)
    if place is not None:
        raise group.chain.left_nothing(group.lines[place].generated + 1)


def _first_infinite(numbers: Sequence[float]) -> int | None:
    """Where the first of `numbers` is that is not finite; None where all are."""
    return None if all(map(isfinite, numbers)) else next(i for i, one in enumerate(numbers) if not isfinite(one))


def _report(
    lines: Sequence[Line],
    raw: torch.Tensor,
    places: Sequence[int],
    after: torch.Tensor,
    rows: Sequence[int],
    tokens: Sequence[int],
) -> None:
    """Note how probable each line's next token is, where its request asks for it.

    The logits of line i are row `places[i]` of `raw` and row `rows[i]` of `after`.
    """
    asked = [(number, count) for number, line in enumerate(lines) if (count := line.job.plan.logprobs) is not None]
    if not asked:
        return
    numbers, counts = zip(*asked, strict=True)
    given = reports(
        raw.index_select(0, whole_numbers([places[number] for number in numbers], raw.device)),
        after.index_select(0, whole_numbers([rows[number] for number in numbers], after.device)),
        [tokens[number] for number in numbers],
        counts,
        lines[0].job.tokenizer.show,
    )
    for number, one in zip(numbers, given, strict=True):
        lines[number].reports.append(one)
