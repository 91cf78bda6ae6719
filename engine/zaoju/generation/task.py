"""A text in the making: the lines of one job that run, and what has become certain of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from zaoju.generation.job import FinishReason, Job
from zaoju.generation.line import Line


@dataclass(frozen=True, slots=True)
class Start:
    """A line that a task begins with, and the prompt that the history shows its transforms, without its open end."""

    line: Line
    prompt_tokens: list[int]


class Task(ABC):
    """One job while it is written."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.lines: list[Line] = []
        """The lines that run, each with a row of the model."""
        self.draft: list[int] = []
        """Tokens that are fed ahead of being chosen."""
        self.drafted = self.drafts_kept = 0
        """How many tokens were proposed, and how many of them came."""
        self.ended_at = job.started
        """When the last token came."""

    @property
    @abstractmethod
    def width(self) -> int:
        """The most lines that ever run at once."""

    @property
    def longest(self) -> int:
        """The most tokens that one of its lines can ever have."""
        job = self.job
        return min(job.context_length, len(job.beginning) + len(job.prompt_tokens) + job.plan.max_new_tokens)

    @abstractmethod
    def begin(self) -> list[Start]:
        """The lines before their first token."""

    @property
    @abstractmethod
    def finish_reason(self) -> FinishReason | None:
        """Why the text has ended; None while it is written."""

    @abstractmethod
    def take(self) -> str:
        """What has become certain since the last call."""

    @abstractmethod
    def cancel(self) -> None:
        """End the text where it is."""

    @property
    @abstractmethod
    def result(self) -> Line:
        """The line that the finished text is."""
