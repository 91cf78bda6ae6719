"""One line of writing: the tokens after a prompt become characters, and something ends them."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from typing import Self

import torch

from zaoju.contracts import Matcher
from zaoju.generation.chain import RowSettings
from zaoju.generation.faulty_parts import naming
from zaoju.generation.job import FinishReason, Job
from zaoju.generation.row_states import States
from zaoju.generation.stops import StopStrings
from zaoju.generation.token_healing import Cut
from zaoju.generation.token_reports import TokenReport


class Line:
    """What has been written of a job, as text in whole characters, and what its next token depends on.

    A plain text is one line; a search forks and drops several.
    """

    def __init__(self, job: Job, settings: RowSettings, fed: Sequence[int], states: States) -> None:
        self.job = job
        self.settings = settings
        self.read = list(fed)
        """All tokens: those that the model read before the first choice, and each chosen one."""
        self.fed_length = len(fed)
        self.states = states
        self.matcher: Matcher | None = None if job.matcher is None else job.matcher.fork()
        self.reports: list[TokenReport] = []
        self.row = -1
        """Its row in the runner."""
        self.slot = -1
        """Its slot in the history."""
        self.finish_reason: FinishReason | None = None
        self.first_token_at: float | None = None
        self._stream = job.tokenizer.text_stream()
        self._stops = StopStrings(job.plan.stop)
        self._pieces: list[str] = []
        # What is asked for every token, looked up once.
        self._watches = bool(job.plan.stop)
        self._end_of_text = job.tokenizer.end_of_text
        self._most_tokens = len(fed) + job.plan.max_new_tokens
        self._cut: Cut | None = None
        self._context_length = job.context_length

    def settle(self, cut: Cut) -> None:
        """The open end of the prompt is cut so: some tokens are read, and the first chosen one begins with the rest."""
        self.read += cut.tokens
        self.fed_length = len(self.read)
        self._most_tokens = self.fed_length + self.job.plan.max_new_tokens
        self._cut = cut
        self._stream = self.job.tokenizer.text_stream(len(cut.rest))

    def anew(self) -> Line:
        """A line after the same prompt, before its first token and without states."""
        other = Line(self.job, self.settings, self.read[: self.fed_length], {})
        other._cut = self._cut
        other._stream = self.job.tokenizer.text_stream(len(self.healed))
        return other

    @property
    def settled(self) -> Sequence[int]:
        """The tokens of the prompt's end that `settle` added to those that were fed."""
        return () if self._cut is None else self._cut.tokens

    @property
    def healed(self) -> bytes:
        """The end of the prompt that the first chosen token begins with."""
        return b"" if self._cut is None else self._cut.rest

    @property
    def heals(self) -> bool:
        """Whether the next token must begin with the end of the prompt."""
        return self._cut is not None and bool(self._cut.rest) and len(self.read) == self.fed_length

    @property
    def restricted(self) -> bool:
        """Whether `write_allowed` may clear anything."""
        return self.matcher is not None or self.heals

    def fork(self) -> Self:
        """A line at the same place that goes on by itself. It has no row and no slot yet."""
        other = copy.copy(self)
        other.row = other.slot = -1
        other.read, other.reports, other._pieces = list(self.read), list(self.reports), list(self._pieces)
        other.matcher = None if self.matcher is None else self.matcher.fork()
        other._stream, other._stops = self._stream.fork(), self._stops.fork()
        return other

    @property
    def generated(self) -> int:
        """How many tokens were chosen, the one that ended the text included."""
        return len(self.read) - self.fed_length

    @property
    def tokens(self) -> list[int]:
        """The chosen tokens."""
        return self.read[self.fed_length :]

    @property
    def text(self) -> str:
        """The continuation so far, as far as it is certain."""
        return "".join(self._pieces)

    @property
    def stop(self) -> str | None:
        """The stop string that ended the line."""
        return self._stops.found

    @property
    def pieces(self) -> Sequence[str]:
        """The text as it came, piece by piece."""
        return self._pieces

    def room(self, *, read_all: bool) -> int:
        """How many more tokens the line may take; the last need not be read by the model, unless `read_all`."""
        context = self.job.context_length + (0 if read_all else 1)
        return min(self.job.plan.max_new_tokens - self.generated, context - len(self.read))

    def ends_with(self, token: int) -> bool:
        """Whether `token` would end the line by what it says."""
        if token == self.job.tokenizer.end_of_text:
            return True
        if not self.job.plan.stop:
            return False
        stops = self._stops.fork()
        stops.push(self._stream.fork().push(token))
        return stops.found is not None

    def write_allowed(self, mask: torch.Tensor) -> None:
        """Clear what the constraint or the end of the prompt does not allow next from `mask` [V] bool, all True before.

        A line that has ended may still be looked at by a search; what comes after its end is never taken.
        """
        if self._cut is not None and self.heals:
            mask.zero_()[list(self._cut.first)] = True
        constraint = self.job.plan.constraint
        if self.matcher is not None and constraint is not None and self.finish_reason is None:
            with naming(constraint):
                mask[:] = self.matcher.allowed()

    def accept(self, token: int) -> None:
        """The next token was chosen."""
        if self.first_token_at is None:
            self.first_token_at = time.perf_counter()
        self.read.append(token)
        if token == self._end_of_text:
            self.finish("end_of_text")
            return
        if self.matcher is not None and self.job.plan.constraint is not None:
            with naming(self.job.plan.constraint):
                self.matcher.accept(token)
        text = self._stream.push(token)
        if self._watches:
            text = self._stops.push(text)
        self._pieces.append(text)
        length = len(self.read)
        if self._watches and self._stops.found is not None:
            self.finish_reason = "stop"
        elif length >= self._most_tokens:
            self.finish("length")
        elif length > self._context_length:
            # The chosen token is not fed yet, and there is no room to feed it.
            self.finish("context")

    def finish(self, reason: FinishReason) -> None:
        """End the line for a reason other than a stop string; what was held back belongs to it."""
        self._pieces.append(self._stops.push(self._stream.flush()) + self._stops.flush())
        self.finish_reason = reason if self._stops.found is None else "stop"
