"""The decode loop: texts that advance together, each by its own strategy.

A step feeds every line its newest token, and after it the tokens that a proposer guesses. Then the tokens are chosen
place by place: at each place a chain sees exactly the rows that it would see without drafts, with the same history,
state and random numbers, and a guess is kept only where it is the token that was chosen. So drafts cannot change a
text, and no transform, constraint or stop string needs to know of them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import torch

from zaoju.contracts import DraftRequest, TokenTable
from zaoju.generation.advance import Advance
from zaoju.generation.history import TokenHistory
from zaoju.generation.plain_task import PlainTask
from zaoju.generation.prompt_ends import settle
from zaoju.generation.reading import Prompt, Reading
from zaoju.generation.shared_proposer import SharedProposer
from zaoju.generation.shared_runner import SharedRunner
from zaoju.generation.task import Start, Task
from zaoju.generation.uniforms import uniform


class DecodeLoop:
    """Runs texts over a runner. Texts join by `admit` at any step and leave when they finish.

    Used by one thread; several loops may share a runner. Leaving the `with` block frees every row, whatever happened.
    """

    def __init__(self, runner: SharedRunner, table: TokenTable) -> None:
        self._runner = runner
        self._table = table
        self._history: TokenHistory | None = None
        self._tasks: list[Task] = []
        self._advance: Advance | None = None
        self._reading = Reading(runner)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._leave(self.active)

    @property
    def active(self) -> list[Task]:
        """The texts that run, in the order in which they began, and those whose prompts are being read."""
        return [*self._tasks, *self._reading.tasks]

    def most_rows(self, length: int) -> int | None:
        """How many rows of so many tokens there is memory for in all; None where nothing bounds them."""
        return self._runner.most_rows(length)

    @property
    def parts(self) -> int:
        """In how many parts a batch is best replaced while it runs."""
        return 8 if self._runner.can_append else 2

    def admit(self, tasks: Sequence[Task]) -> None:
        """Let `tasks` join. Their prompts are read in the next steps, a piece in each."""
        self._reading.add(tasks)

    def step(self) -> None:
        """Read a piece of the prompts that wait, then choose the next token of every text whose prompt was read.

        Further tokens come where drafts were right.
        """
        self._begin(self._reading.read_on())
        if not self._tasks:
            return
        self._propose()
        lines = [line for task in self._tasks for line in task.lines]
        rows = [line.row for line in lines]
        if not any(task.draft for task in self._tasks):
            self._choose(list(self._tasks), self._runner.step(rows, [line.read[-1] for line in lines]))
            return
        fed = [[line.read[-1], *task.draft] for task in self._tasks for line in task.lines]
        self._choose_along_drafts(self._runner.extend(rows, fed))

    def cancel(self) -> None:
        """End every text that runs where it is."""
        for task in self.active:
            task.cancel()
        self._leave(self.active)

    def _begin(self, tasks: Sequence[Task]) -> None:
        """Choose the first token of tasks whose prompts were read."""
        if not tasks:
            return
        # Every row that was read has an owner before anything else is done, so none is lost where that fails.
        begun = [(start, prompt) for task in tasks for start, prompt in self._take(task)]
        given = torch.stack([prompt.logits for _, prompt in begun if prompt.logits is not None])
        if self._history is None or self._advance is None:
            self._history = TokenHistory(given.device)
            self._advance = Advance(self._runner, self._history, self._table)
        for start, prompt in begun:
            if start.line.row < 0:
                start.line.row = self._runner.fork(prompt.row)
        given = settle(self._runner, tasks, given)
        for start, _ in begun:
            start.line.slot = self._history.add([*start.prompt_tokens, *start.line.settled])
        self._choose(tasks, given)

    def _take(self, task: Task) -> list[tuple[Start, Prompt]]:
        """Let a task run. The first of its lines that begin alike has their row."""
        begun = self._reading.hand_over(task)
        self._tasks.append(task)
        waiting = {prompt for _, prompt in begun}
        for start, prompt in begun:
            if prompt in waiting:
                waiting.remove(prompt)
                start.line.row = prompt.row
            task.lines.append(start.line)
        return begun

    def _propose(self) -> None:
        """Ask the proposers for drafts."""
        waiting: dict[SharedProposer, list[PlainTask]] = {}
        for task in self._tasks:
            task.draft = []
            if task.job.proposer is not None and isinstance(task, PlainTask) and _room(task) > 0:
                waiting.setdefault(task.job.proposer, []).append(task)
        for proposer, tasks in waiting.items():
            drafts = proposer.propose([_draft_request(task) for task in tasks])
            for task, draft in zip(tasks, drafts, strict=True):
                task.draft = draft
                task.drafted += len(draft)

    def _choose_along_drafts(self, given: Sequence[torch.Tensor]) -> None:
        """Choose from the logits of every place, as long as each text's draft is what was chosen."""
        waves: list[tuple[Task, Sequence[torch.Tensor]]] = []
        start = 0
        for task in self._tasks:
            waves.append((task, given[start : start + len(task.lines)]))
            start += len(task.lines)
        fed = {task: len(task.draft) for task, _ in waves}
        ends = {task: task.lines[0] for task, _ in waves}
        kept = dict.fromkeys(fed, 0)
        place = 0
        while waves:
            self._choose(
                [task for task, _ in waves], torch.stack([rows[place] for _, logits in waves for rows in logits])
            )
            going_on = []
            for task, logits in waves:
                draft = task.draft
                if place < len(draft) and ends[task].read[-1] == draft[place]:
                    kept[task] += 1
                    if task.finish_reason is None:
                        going_on.append((task, logits))
            waves, place = going_on, place + 1
        wrong = [(task, count - kept[task]) for task, count in fed.items() if task.finish_reason is None]
        late = [(task.lines[0].row, count) for task, count in wrong if count]
        if late:
            self._runner.rewind([row for row, _ in late], [count for _, count in late])
        for task, count in kept.items():
            task.drafts_kept += count

    def _choose(self, tasks: Sequence[Task], logits: torch.Tensor) -> None:
        """Go on by one token from `logits` [lines of the tasks, V], and let go of what has ended."""
        assert self._advance is not None
        with torch.inference_mode():
            self._advance.choose(tasks, logits[:, : self._table.size])
        self._leave([task for task in tasks if task.finish_reason is not None])

    def _leave(self, tasks: Sequence[Task]) -> None:
        """Free what texts held."""
        if not tasks:
            return
        leaving, now = set(tasks), time.perf_counter()
        self._reading.forget(leaving)
        self._tasks = [task for task in self._tasks if task not in leaving]
        for task in tasks:
            task.ended_at = now
            if self._advance is not None:
                self._advance.release(task.lines)
            if task.job.proposer is not None:
                task.job.proposer.forget(task.job.number)


def _room(task: PlainTask) -> int:
    """How many tokens a draft may have: the one after it is chosen too, and the context must hold all that is fed."""
    line = task.line
    return min(task.job.plan.max_new_tokens - line.generated - 1, task.job.context_length - len(line.read))


def _draft_request(task: PlainTask) -> DraftRequest:
    line, index = task.line, task.line.generated
    return DraftRequest(
        text=task.job.number,
        tokens=line.read,
        room=_room(task),
        uniform=lambda ahead: uniform(line.settings.seed, index + ahead, "sample"),
    )
