"""A text that is written token by token: one line."""

from __future__ import annotations

from zaoju.generation.job import FinishReason, Job
from zaoju.generation.line import Line
from zaoju.generation.task import Start, Task


class PlainTask(Task):
    """One line, whose next token the selector takes."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.line = Line(job, job.settings, job.fed, job.chain.first_states(job.settings))
        self._taken = 0
        if job.plan.max_new_tokens == 0:
            self.line.finish("length")

    @property
    def width(self) -> int:
        return 1

    def begin(self) -> list[Start]:
        return [Start(self.line, self.job.settled_prompt)]

    @property
    def finish_reason(self) -> FinishReason | None:
        return self.line.finish_reason

    def take(self) -> str:
        fresh = "".join(self.line.pieces[self._taken :])
        self._taken = len(self.line.pieces)
        return fresh

    def cancel(self) -> None:
        if self.line.finish_reason is None:
            self.line.finish("cancelled")

    @property
    def result(self) -> Line:
        return self.line
