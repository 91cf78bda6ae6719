"""One token further: from the logits of many lines to what each task makes of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from zaoju.contracts import SearchStep, TokenTable
from zaoju.errors import ArtefactError, UserError
from zaoju.generation.chain import Applied, Chain, RowBatch
from zaoju.generation.history import TokenHistory
from zaoju.generation.line import Line
from zaoju.generation.search_task import SearchTask
from zaoju.generation.shared_runner import SharedRunner
from zaoju.generation.task import Task
from zaoju.generation.token_reports import report


class Advance:
    """Chooses tokens for one loop. Lines of one chain go through it together, whatever their options are."""

    def __init__(self, runner: SharedRunner, history: TokenHistory, table: TokenTable) -> None:
        self._runner = runner
        self._history = history
        self._table = table
        self._batches: dict[Chain, RowBatch] = {}
        """For each chain the rows that went through it last, which most often go through it next."""

    def choose(self, tasks: Sequence[Task], raw: torch.Tensor) -> None:
        """Let every task go on from `raw` [W, V] float32, the logits of the token after each of its lines."""
        lines = [line for task in tasks for line in task.lines]
        self._check_finite(lines, raw)
        logits = self._mixed(tasks, raw)
        allowed = self._allowed(lines, logits.device)
        if allowed is not None:
            logits = logits.masked_fill(~allowed, float("-inf"))
            self._check_allowed(lines, logits)
        groups: dict[Chain, list[int]] = {}
        start = 0
        searches: list[tuple[SearchTask, range]] = []
        for task in tasks:
            places = range(start, start + len(task.lines))
            if isinstance(task, SearchTask):
                searches.append((task, places))
            groups.setdefault(task.job.chain, []).extend(places)
            start = places.stop
        for chain, members in groups.items():
            # Most often all lines have one chain, and nothing need be copied.
            index = None if len(members) == len(lines) else torch.tensor(members, device=raw.device)
            some = [lines[member] for member in members]
            applied = self._apply(chain, some, _rows(logits, index), None if allowed is None else _rows(allowed, index))
            # A chain belongs to one search or to none: `Chain.key`.
            if some[0].job.plan.search is None:
                self._select(chain, some, _rows(raw, index), applied)
                continue
            for task, places in searches:
                if task.job.chain is chain:
                    first = members.index(places.start)
                    self._search(task, raw[places.start : places.stop], applied, first)

    def release(self, lines: Sequence[Line]) -> None:
        """Free what lines hold."""
        rows = [line.row for line in lines if line.row >= 0]
        for line in lines:
            if line.slot >= 0:
                self._history.remove(line.slot)
            line.row = line.slot = -1
        if rows:
            self._runner.drop(rows)

    def _apply(
        self, chain: Chain, lines: Sequence[Line], logits: torch.Tensor, allowed: torch.Tensor | None
    ) -> Applied:
        rows = [line.settings for line in lines]
        batch = self._batches.get(chain)
        # Settings are compared as objects, so this is quick.
        if batch is None or batch.rows != rows:
            batch = self._batches[chain] = chain.batch(rows, logits.device)
        applied = chain.apply(
            logits,
            batch,
            [line.generated for line in lines],
            [line.states for line in lines],
            self._history.of([line.slot for line in lines]),
            self._table,
        )
        return applied if allowed is None else applied.masked(allowed)

    def _select(self, chain: Chain, lines: Sequence[Line], raw: torch.Tensor, applied: Applied) -> None:
        """The selector takes the next token of each line."""
        tokens = chain.select(applied)
        chosen = tokens.tolist()
        self._check_chosen(chain, lines, applied, tokens)
        for place, (line, token) in enumerate(zip(lines, chosen, strict=True)):
            _report(line, raw, applied.logits, place, token)
        if applied.seen:
            states = chain.observe(applied, range(len(lines)), chosen, [line.states for line in lines])
            for line, new in zip(lines, states, strict=True):
                line.states = new
        self._history.append([line.slot for line in lines], tokens)
        for line, token in zip(lines, chosen, strict=True):
            line.accept(token)

    def _search(self, task: SearchTask, raw: torch.Tensor, applied: Applied, first: int) -> None:
        """The search decides which lines go on, with which tokens; rows, slots and states follow it."""
        chain, lines = task.job.chain, task.lines
        own = applied.part(first, first + len(lines), applied.logits[first : first + len(lines)])
        step = task.decide(raw, own, lambda logits: chain.select(own.part(0, len(lines), logits)), self._runner.hidden)

        def accept(line: Line, row: int, token: int) -> None:
            _report(line, raw, own.logits, row, token)
            line.accept(token)

        task.finish_lines(step, accept)
        states = chain.observe(
            applied, [first + row for row in step.rows], step.tokens, [lines[row].states for row in step.rows]
        )
        children = [lines[row].fork() for row in step.rows]
        for child, row, token, new in zip(children, step.rows, step.tokens, states, strict=True):
            accept(child, row, token)
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
            tokens = torch.tensor(list(step.tokens), device=self._history.device)
            self._history.append([child.slot for child in children], tokens)
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
        """[W, V] bool: what the lines' constraints allow; None where no line has one."""
        if all(line.matcher is None for line in lines):
            return None
        allowed = torch.ones(len(lines), self._table.size, dtype=torch.bool)
        for mask, line in zip(allowed, lines, strict=True):
            line.write_allowed(mask)
        return allowed.to(device)

    @staticmethod
    def _check_finite(lines: Sequence[Line], raw: torch.Tensor) -> None:
        """One look at all rows: the largest of a row is NaN where any is, and infinite where none is left."""
        finite = raw.amax(dim=1).isfinite()
        if bool(finite.all()):
            return
        line = lines[int(finite.int().argmin())]
        raise ArtefactError(
            f"the model gave logits that are not finite for token {line.generated + 1} of the text after "
            f"{line.job.prompt[:20]!r}: its weights are damaged, or its number format overflows; check the "
            "training, or load it in float32"
        )

    @staticmethod
    def _check_allowed(lines: Sequence[Line], logits: torch.Tensor) -> None:
        left = logits.amax(dim=1).isfinite()
        if bool(left.all()):
            return
        line = lines[int(left.int().argmin())]
        constraint = line.job.plan.constraint
        raise UserError(
            f"the constraint {constraint.name if constraint else ''!r} allows no token of the model as token "
            f"{line.generated + 1} of the text after {line.job.prompt[:20]!r}, which so far is {line.text[-40:]!r}: "
            "the vocabulary cannot write what it asks for, or it contradicts itself; change the constraint"
        )

    @staticmethod
    def _check_chosen(chain: Chain, lines: Sequence[Line], applied: Applied, tokens: torch.Tensor) -> None:
        left = applied.logits.gather(1, tokens.unsqueeze(1)).squeeze(1).isfinite()
        if not bool(left.all()):
            raise chain.left_nothing(lines[int(left.int().argmin())].generated + 1)


def _rows(tensor: torch.Tensor, index: torch.Tensor | None) -> torch.Tensor:
    """The rows of `index`; all of them, and no copy, where it is None."""
    return tensor if index is None else tensor[index]


def _report(line: Line, raw: torch.Tensor, after: torch.Tensor, place: int, token: int) -> None:
    """Note how probable the line's next token is, where the request asks for it; `place` is its row of the logits."""
    count = line.job.plan.logprobs
    if count is not None:
        line.reports.append(report(raw[place], after[place], token, count, line.job.tokenizer.show))
