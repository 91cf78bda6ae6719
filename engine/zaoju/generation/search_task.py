"""A text that a search looks for: several lines at once, and those that are whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from zaoju.contracts import Branch, Hypothesis, Search, SearchContext, SearchStep
from zaoju.contracts.options import Options
from zaoju.errors import PluginError, UserError
from zaoju.generation.chain import Applied
from zaoju.generation.faulty_parts import naming
from zaoju.generation.job import FinishReason, Job
from zaoju.generation.line import Line
from zaoju.generation.task import Start, Task
from zaoju.generation.uniforms import sample_seed


@dataclass(frozen=True, slots=True)
class Finished:
    """A whole text and its score."""

    line: Line
    score: float | None
    """None for a text that no search has scored."""


class SearchTask(Task):
    """The lines of a search. The whole text with the highest score is the result; of equals the earlier."""

    def __init__(self, job: Job, search: Search[Options]) -> None:
        assert job.plan.search is not None
        self.search = search
        self._component = job.plan.search
        branches = self._begin()
        if any(branch.prompt is not None for branch in branches):
            # Rows after other prompts go on with the same tokens, and have no end to which one could be added.
            job = replace(job, open_end=None)
        super().__init__(job)
        self._finished: list[Finished] = []
        self._done: FinishReason | None = None
        self._agreed = 0
        """How many tokens all that can still win begin with; they never become fewer."""
        self._certain = 0
        """How many characters were taken."""
        self._room = 0
        """How many tokens the lines could take when the search last decided."""
        self._starts = [self._start(branch) for branch in branches]
        if job.plan.max_new_tokens == 0:
            self._end_unfinished("length")

    @property
    def width(self) -> int:
        return self.search.width

    def begin(self) -> list[Start]:
        return self._starts

    def _begin(self) -> Sequence[Branch]:
        with naming(self._component):
            branches = self.search.begin()
        if not 1 <= len(branches) <= self.width:
            raise self._fault(f"began with {len(branches)} rows, and its width is {self.width}")
        return branches

    @property
    def finish_reason(self) -> FinishReason | None:
        return self._done

    @property
    def result(self) -> Line:
        return self.ranked[0].line

    @property
    def ranked(self) -> list[Finished]:
        """All whole texts, the best first."""
        return sorted(self._finished, key=lambda one: float("inf") if one.score is None else -one.score)

    def take(self) -> str:
        """What every line that can still win agrees on, token by token: those that run, and the best whole one."""
        if self._done is not None:
            text = self.result.text
        elif not self.lines:  # its prompts are being read
            return ""
        else:
            self._agreed = self._count_agreed([*self.lines, *(one.line for one in self.ranked[:1])])
            text = "".join(self.lines[0].pieces[: self._agreed])
        fresh, self._certain = text[self._certain :], max(self._certain, len(text))
        return fresh

    def cancel(self) -> None:
        """Where no text is whole yet, the result is what the lines that run agree on."""
        if self._done is None:
            self._end_unfinished("cancelled")

    def mix(self, raw: torch.Tensor) -> torch.Tensor:
        """What the search makes of `raw` [W, V] before the chain; the very same tensor where it changes nothing."""
        with naming(self._component):
            return self.search.mix(raw)

    def decide(
        self,
        raw: torch.Tensor,
        applied: Applied,
        select: Callable[[torch.Tensor], torch.Tensor],
        hidden: Callable[[int], torch.Tensor],
    ) -> SearchStep:
        """Let the search go on from `raw` [W, V] and what the chain made of it, and hold it to its contract."""
        read_all = self.job.plan.keeps_hidden
        self._room = min(line.room(read_all=read_all) for line in self.lines)
        context = SearchContext(
            index=self.lines[0].generated,
            room=self._room,
            tokens=[line.tokens for line in self.lines],
            raw=raw,
            end_of_text=self.job.tokenizer.end_of_text,
            ends=lambda row, token: self.lines[row].ends_with(token),
            select=select,
            random=applied.context.random,
            hidden=lambda row: hidden(self.lines[row].row),
        )
        with naming(self._component):
            step = self.search.step(applied.logits, context)
        self._check(step, applied.logits, context.room)
        return step

    def finish_lines(self, step: SearchStep, accept: Callable[[Line, int, int], None]) -> None:
        """Keep the whole texts of a step. Forks their lines, so call it before the lines go on.

        `accept(line, row, token)` appends a token to a fork of line `row`.
        """
        for hypothesis in step.finished:
            line = self.lines[hypothesis.row].fork()
            if hypothesis.token is not None:
                accept(line, hypothesis.row, hypothesis.token)
            if line.finish_reason is None:
                left = self._room - (0 if hypothesis.token is None else 1)
                line.finish("search" if left > 0 else "context")
            self._finished.append(Finished(line, hypothesis.score))

    def go_on(self, lines: list[Line], step: SearchStep) -> None:
        """The lines of the next step; without any, or where the search says so, the text has ended."""
        self.lines = lines
        if step.done or not lines:
            if not self._finished:
                raise self._fault("ended without a whole text")
            self._done = self.result.finish_reason

    def _end_unfinished(self, reason: FinishReason) -> None:
        """End before the search has: with the best whole text, else with the tokens that all lines begin with."""
        if not self._finished:
            line = self.lines[0].anew() if self.lines else Line(self.job, self.job.settings, self.job.fed, {})
            if self.lines:
                agreed = self._count_agreed(self.lines)
                for token in self.lines[0].tokens[:agreed]:
                    line.accept(token)
                line.reports = self.lines[0].reports[:agreed]
            if line.finish_reason is None:
                line.finish(reason)
            self._finished.append(Finished(line, None))
        self._done = reason

    def _count_agreed(self, lines: Sequence[Line]) -> int:
        """How many tokens all of `lines` begin with; at least as many as before."""
        count, shortest = self._agreed, min(line.generated for line in lines)
        while count < shortest and len({line.read[line.fed_length + count] for line in lines}) == 1:
            count += 1
        return count

    def _start(self, branch: Branch) -> Start:
        job = self.job
        settings = job.settings.with_seed(sample_seed(job.seed, branch.sample))
        prompt = job.settled_prompt
        beginning = list(job.beginning)
        if branch.prompt is not None:
            prompt, beginning = job.tokenizer.encode(branch.prompt), job.tokenizer.beginning
            if not prompt and not beginning:
                beginning = [job.tokenizer.end_of_text]
            length = len(beginning) + len(prompt)
            if length > job.context_length:
                raise UserError(
                    f"the prompt that search {self._component.name!r} begins another row with has {length} tokens "
                    f"and the model looks at {job.context_length} at most: shorten it (it begins with "
                    f"{branch.prompt[:20]!r})"
                )
        return Start(Line(job, settings, [*beginning, *prompt], job.chain.first_states(settings)), prompt)

    def _check(self, step: SearchStep, logits: torch.Tensor, room: int) -> None:
        width, vocabulary = logits.shape
        new = [Hypothesis(row, token, 0.0) for row, token in zip(step.rows, step.tokens, strict=False)]
        if len(step.rows) != len(step.tokens):
            raise self._fault(f"gave {len(step.rows)} rows with {len(step.tokens)} tokens")
        if len(step.rows) > self.width:
            raise self._fault(f"keeps {len(step.rows)} rows, and its width is {self.width}")
        if step.rows and not step.done and room <= (0 if self.job.plan.keeps_hidden else 1):
            raise self._fault("keeps rows where no room is left")
        for one in (*new, *step.finished):
            if not 0 <= one.row < width:
                raise self._fault(f"continues row {one.row} of {width}")
            if one.token is None:
                continue
            if room < 1:
                raise self._fault("appends a token where no room is left")
            if not 0 <= one.token < vocabulary or not bool(logits[one.row, one.token].isfinite()):
                raise self._fault(f"takes token {one.token}, which row {one.row} may not be continued with")
        if any(one.score != one.score for one in step.finished):
            raise self._fault("gives a text a score that is not a number")

    def _fault(self, what: str) -> PluginError:
        return PluginError(f"search {self._component.name!r} {what}: use another one, or tell its author")
