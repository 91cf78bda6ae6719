"""Prompts on their way into the model, in pieces that running texts can wait for.

Agrawal et al., 2023, "SARATHI: Efficient LLM Inference by Piggybacking Decodes with Chunked Prefills".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch

from zaoju.generation.shared_runner import SharedRunner
from zaoju.generation.task import Start, Task


@dataclass(eq=False, slots=True)
class Prompt:
    """One text to be read, for one line of a task or for several that begin with the same tokens."""

    task: Task
    tokens: Sequence[int]
    row: int = -1
    """Its row in the runner, once its first piece was read."""

    read: int = 0
    logits: torch.Tensor | None = None
    """[V], once all of it was read."""

    @property
    def keeps_hidden(self) -> bool:
        return self.task.job.plan.keeps_hidden


class Reading:
    """The tasks whose prompts are being read. A task is ready when all its prompts are."""

    def __init__(self, runner: SharedRunner) -> None:
        self._runner = runner
        self._waiting: list[Prompt] = []
        self._starts: dict[Task, list[tuple[Start, Prompt]]] = {}

    @property
    def tasks(self) -> list[Task]:
        """Those that are not ready yet, in the order in which they came."""
        return list(self._starts)

    def add(self, tasks: Iterable[Task]) -> None:
        """Take in tasks. Prompts that are equal within a task are read once."""
        new: list[Prompt] = []
        for task in tasks:
            alike: dict[tuple[int, ...], Prompt] = {}
            starts = self._starts[task] = []
            for start in task.begin():
                tokens = start.line.read
                starts.append((start, alike.setdefault(tuple(tokens), Prompt(task, tokens))))
            new += alike.values()
        # Prompts of like length make a pass with little padding.
        self._waiting += sorted(new, key=lambda prompt: -len(prompt.tokens))

    def read_on(self) -> list[Task]:
        """Make one pass over the next piece of what waits: the tasks that are ready now, in the order they came."""
        if not self._waiting:
            return []
        if not self._runner.can_append:
            self._read_whole()
        else:
            self._read_piece()
        self._waiting = [prompt for prompt in self._waiting if prompt.logits is None]
        return [task for task, starts in self._starts.items() if all(one.logits is not None for _, one in starts)]

    def hand_over(self, task: Task) -> list[tuple[Start, Prompt]]:
        """What a task that is ready begins with. The rows of the prompts belong to the caller from now on."""
        return self._starts.pop(task)

    def forget(self, tasks: Iterable[Task]) -> None:
        """Tasks that are not wanted any more: their rows go back to the runner."""
        leaving = set(tasks)
        prompts = {prompt for task in leaving for _, prompt in self._starts.pop(task, ())}
        self._waiting = [prompt for prompt in self._waiting if prompt.task not in leaving]
        self._runner.drop([prompt.row for prompt in prompts if prompt.row >= 0])

    def _read_whole(self) -> None:
        """Everything in one call: on such a runner, rows that were read together go on together."""
        for keep_hidden in (False, True):
            some = [prompt for prompt in self._waiting if prompt.keeps_hidden is keep_hidden]
            if some:
                rows, logits = self._runner.prefill([prompt.tokens for prompt in some], keep_hidden=keep_hidden)
                _note(some, rows, [len(prompt.tokens) for prompt in some], logits)

    def _read_piece(self) -> None:
        begun = [prompt for prompt in self._waiting if prompt.row >= 0]
        if begun:
            some, pieces = self._piece(begun)
            logits = self._runner.append([prompt.row for prompt in some], pieces)
            _note(some, [prompt.row for prompt in some], [len(piece) for piece in pieces], logits)
            return
        keep_hidden = self._waiting[0].keeps_hidden
        some, pieces = self._piece([prompt for prompt in self._waiting if prompt.keeps_hidden is keep_hidden])
        rows, logits = self._runner.prefill(pieces, keep_hidden=keep_hidden)
        _note(some, rows, [len(piece) for piece in pieces], logits)

    def _piece(self, prompts: Sequence[Prompt]) -> tuple[list[Prompt], list[Sequence[int]]]:
        """The next tokens of the first of `prompts`, and of as many others as a pass has room for."""
        room = self._runner.tokens_per_pass
        some: list[Prompt] = []
        pieces: list[Sequence[int]] = []
        longest = 0
        for prompt in prompts:
            known = self._runner.known(prompt.tokens) if prompt.row < 0 and not prompt.keeps_hidden else 0
            new = min(len(prompt.tokens) - prompt.read - known, room)
            longest = max(longest, new)
            if some and (len(some) + 1) * longest > room:
                break
            some.append(prompt)
            pieces.append(prompt.tokens[prompt.read : prompt.read + known + new])
        return some, pieces


def _note(prompts: Sequence[Prompt], rows: Sequence[int], lengths: Sequence[int], logits: torch.Tensor) -> None:
    for prompt, row, length, after in zip(prompts, rows, lengths, logits, strict=True):
        prompt.row = row
        prompt.read += length
        if prompt.read == len(prompt.tokens):
            prompt.logits = after
