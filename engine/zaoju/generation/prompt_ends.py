"""Settling the open ends of prompts: the model reads what their cuts need, and each text goes on from one of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import torch

from zaoju.contracts import History, StepContext
from zaoju.generation.chain import Applied
from zaoju.generation.columns import whole_numbers
from zaoju.generation.search_task import SearchTask
from zaoju.generation.shared_runner import SharedRunner
from zaoju.generation.task import Task
from zaoju.generation.token_healing import Cut, Cuts
from zaoju.generation.uniforms import uniform

_DRAW = 1 << 40
"""The number under which a cut is drawn; no text has a token of that number."""


def settle(runner: SharedRunner, tasks: Sequence[Task], logits: torch.Tensor) -> torch.Tensor:
    """Settle how the prompts of `tasks` end, where they are open.

    `logits` [lines of the tasks, V] are those after what stands before the ends. What comes back are those of the
    token that each line then chooses. The lines of a search all begin with one cut.
    """
    firsts = list(accumulate((len(task.lines) for task in tasks), initial=0))
    cuts = {
        task: Cuts(task.job.open_end, logits[first])
        for task, first in zip(tasks, firsts, strict=False)
        if task.job.open_end is not None
    }
    if not cuts:
        return logits
    while asked := {task: tokens for task, one in cuts.items() if (tokens := one.read_next()) is not None}:
        read = _look_ahead(runner, list(asked), list(asked.values()))
        for (task, tokens), after in zip(asked.items(), read, strict=True):
            cuts[task].take(tokens, after)
    chosen = {task: _choose(task, one.found, logits) for task, one in cuts.items()}
    return _go_to(runner, tasks, chosen, logits)


def _look_ahead(
    runner: SharedRunner, tasks: Sequence[Task], tokens: Sequence[tuple[int, ...]]
) -> Sequence[torch.Tensor]:
    """The logits [tokens, V] after each of `tokens`, which the row of each task's first line reads and forgets."""
    rows = [task.lines[0].row for task in tasks]
    # States that are kept for a search are not taken back.
    if runner.can_rewind and not any(task.job.plan.keeps_hidden for task in tasks):
        given = runner.extend(rows, tokens)
        runner.rewind(rows, [len(some) for some in tokens])
        return given
    read = []
    for row, some in zip(rows, tokens, strict=True):
        copy = runner.fork(row)
        try:
            read.append(torch.cat([runner.step([copy], [token]) for token in some]))
        finally:
            runner.drop([copy])
    return read


def _choose(task: Task, found: Sequence[Cut], like: torch.Tensor) -> Cut:
    """The cut of a text: what its selector takes, as if each were a token; for a search the most probable one."""
    scores = torch.tensor([cut.score for cut in found], dtype=torch.float64)
    if isinstance(task, SearchTask):
        return found[int(scores.argmax())]
    job, device = task.job, like.device
    prompt = whole_numbers(job.settled_prompt, device).unsqueeze(0)
    context = StepContext(
        index=whole_numbers([0], device),
        history=History(prompt, torch.ones_like(prompt, dtype=torch.bool), whole_numbers([prompt.shape[1]], device)),
        vocabulary_size=len(found),
        end_of_text=job.tokenizer.end_of_text,
        random=lambda stream: torch.tensor(
            [uniform(job.settings.seed, _DRAW, stream)], dtype=torch.float64, device=device
        ),
    )
    applied = Applied(scores.to(like).log_softmax(0).unsqueeze(0), context, ())
    return found[int(job.chain.select(applied))]


def _go_to(runner: SharedRunner, tasks: Sequence[Task], chosen: dict[Task, Cut], logits: torch.Tensor) -> torch.Tensor:
    """Let every line read the tokens of its cut: the logits after them."""
    lines = [line for task in tasks for line in task.lines]
    cuts = [chosen.get(task) for task in tasks for _ in task.lines]
    after = list(logits)
    left = {place: list(cut.tokens) for place, cut in enumerate(cuts) if cut is not None and cut.tokens}
    if left and runner.can_rewind:
        read = runner.extend([lines[place].row for place in left], list(left.values()))
        for place, one in zip(left, read, strict=True):
            after[place] = one[-1]
        left = {}
    while left:
        given = runner.step([lines[place].row for place in left], [tokens[0] for tokens in left.values()])
        for place, one in zip(left, given, strict=True):
            after[place] = one
        left = {place: tokens[1:] for place, tokens in left.items() if len(tokens) > 1}
    for line, cut in zip(lines, cuts, strict=True):
        if cut is not None:
            line.settle(cut)
    return torch.stack(after)
