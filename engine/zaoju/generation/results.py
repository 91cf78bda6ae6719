"""What is asked of the engine, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Self

from zaoju.errors import UserError
from zaoju.generation.search_task import SearchTask
from zaoju.generation.task import Task

if TYPE_CHECKING:
    from zaoju.config import DecodingPlan
    from zaoju.contracts import Turn
    from zaoju.generation.job import FinishReason
    from zaoju.generation.line import Line
    from zaoju.generation.token_reports import TokenReport


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt to continue, and how."""

    prompt: str

    strategy: str | None = None
    """The name of a strategy, or of a lone transform; `nucleus` where neither this nor a chain is given."""

    chain: Sequence[str] | None = None
    """Names of transforms in the order in which they act, instead of a strategy."""

    selector: str | None = None
    """Who chooses at the end of `chain`; `sample` where it is not given."""

    search: str | None = None
    """With `chain`: the search that keeps several texts at once."""

    proposer: str | Mapping[str, object] | None = None
    """Who guesses at the next tokens: a name, or `{"name": ..., ...its options}`."""

    constraint: str | Mapping[str, object] | None = None
    """The form that the text must have: `{"name": ..., ...its options}`."""

    seed: int | None = None
    """The text is a function of it. None draws one from the operating system; the result tells it."""

    max_new_tokens: int = 100
    stop: Sequence[str] = ()
    """The text ends before the first of these strings; the prompt is not looked at."""

    logprobs: int | None = None
    """How many alternatives to report with the log-probability of each token; None reports nothing."""

    token_healing: bool = True
    """Where the prompt ends inside a token of the model, go on with the whole token; docs/decoding.md says how."""

    options: Mapping[str, object] = field(default_factory=dict)
    """Options of the chain's transforms and of the search, such as `{"top_p": 0.9}`. Unknown ones are refused."""

    plan: DecodingPlan | None = None
    """A plan that is already resolved; it stands for the fields above but the prompt and the seed."""

    chat: bool = False
    """Whether the prompt is what a user says, by the model's chat template, and the text is the answer."""

    turns: Sequence[Turn] = ()
    """With `chat`: what was said before, such as `[Turn("system", "...")]` or earlier questions and answers."""

    @classmethod
    def from_plan(
        cls,
        prompt: str,
        plan: DecodingPlan,
        *,
        seed: int | None = None,
        max_new_tokens: int | None = None,
        chat: bool = False,
    ) -> Self:
        """A request that follows `plan`, with another seed or length where one is given."""
        if max_new_tokens is not None:
            plan = replace(plan, max_new_tokens=max_new_tokens)
        return cls(prompt, seed=plan.seed if seed is None else seed, plan=plan, chat=chat)

    def settings(self) -> dict[str, object]:
        """What the `decoding` section of a config would say."""
        named: dict[str, object] = {
            "max_new_tokens": self.max_new_tokens,
            "stop": _listed(self.stop),
            "token_healing": self.token_healing,
        }
        if self.chain is not None:
            named["chain"] = _listed(self.chain)
        for key in ("selector", "search", "proposer", "constraint", "seed", "logprobs"):
            if getattr(self, key) is not None:
                named[key] = getattr(self, key)
        if self.strategy is not None or self.chain is None:
            named["strategy"] = self.strategy or "nucleus"
        twice = sorted({field.name for field in fields(self)} & set(self.options))
        if twice:
            raise UserError(
                f"options has {', '.join(twice)}, which a Request has as arguments of their own: write "
                f"Request(..., {twice[0]}=...), and in options only what belongs to the chain and the search"
            )
        return {**self.options, **named}


@dataclass(frozen=True, slots=True)
class WholeText:
    """Another whole text that a search has found."""

    text: str
    token_ids: tuple[int, ...]
    score: float | None
    finish_reason: FinishReason


@dataclass(frozen=True, slots=True)
class Generation:
    """A finished text, and all that is needed to have it again."""

    prompt: str
    text: str
    """The continuation, without the prompt and without a stop string."""

    token_ids: tuple[int, ...]
    """The chosen tokens, the one that ended the text included. The first one begins with `healed`."""

    finish_reason: FinishReason
    stop: str | None
    """The stop string that ended the text."""

    seed: int
    strategy: str
    chain: tuple[str, ...]
    """The transforms in their order; one at its neutral values changed nothing."""

    selector: str | None
    """Who chose each token; None where the search chose by itself."""

    search: str | None
    proposer: str | None
    constraint: str | None

    parameters: Mapping[str, object]
    """The effective options: every one of the chain, the search, the proposer (by its name) and the constraint (by its
    name), `max_new_tokens` and the stop strings."""

    prompt_tokens: int
    """How many tokens the model read before the first one was chosen."""

    generated_tokens: int
    """How many tokens were chosen, the one that ended the text included."""

    healed: str = ""
    """The end of the prompt that the first chosen token begins with: the prompt ended inside this token."""

    score: float | None = None
    """What the search gave the text; None without a search, and for a text that was cancelled before it was whole."""

    others: tuple[WholeText, ...] = ()
    """The other whole texts that the search found, the best first."""

    tokens: tuple[TokenReport, ...] | None = None
    """Each token with its log-probabilities, where they were asked for."""

    drafted_tokens: int = field(default=0, compare=False)
    """How many tokens a proposer guessed."""

    kept_drafts: int = field(default=0, compare=False)
    """How many of them came, and were had without a pass of the model of their own."""

    seconds: float = field(default=0.0, compare=False)
    """From the request to the last token, waiting for room in a batch included."""

    first_token_seconds: float | None = field(default=None, compare=False)
    """From the request to the first token."""

    @classmethod
    def of(cls, task: Task) -> Self:
        """The result of a text that has ended."""
        job, line = task.job, task.result
        plan = job.plan
        assert task.finish_reason is not None
        ranked = task.ranked if isinstance(task, SearchTask) else []
        return cls(
            prompt=job.prompt,
            text=line.text,
            token_ids=tuple(line.tokens),
            finish_reason=task.finish_reason,
            stop=line.stop,
            seed=job.seed,
            strategy=plan.strategy,
            chain=tuple(component.name for component in plan.chain),
            selector=None if plan.selector is None else plan.selector.name,
            search=None if plan.search is None else plan.search.name,
            proposer=None if plan.proposer is None else plan.proposer.name,
            constraint=None if plan.constraint is None else plan.constraint.name,
            parameters=_parameters(plan),
            prompt_tokens=line.fed_length,
            generated_tokens=line.generated,
            healed=line.healed.decode("utf-8", errors="backslashreplace"),
            score=ranked[0].score if ranked else None,
            others=tuple(_whole_text(one.line, one.score) for one in ranked[1:]),
            tokens=None if plan.logprobs is None else tuple(line.reports),
            drafted_tokens=task.drafted,
            kept_drafts=task.drafts_kept,
            seconds=task.ended_at - job.started,
            first_token_seconds=None if line.first_token_at is None else line.first_token_at - job.started,
        )

    def to_json(self) -> dict[str, object]:
        """Plain data. All but `timings` is the same each time the text is had again."""
        plain = asdict(self)
        timings = {name: plain.pop(name) for name in ("seconds", "first_token_seconds")}
        return {**plain, "timings": timings}


def _listed(given: Sequence[str]) -> object:
    """A list, for what may be written as any sequence. A lone text is none, and is refused when it is checked."""
    return given if isinstance(given, str) else list(given)


def _parameters(plan: DecodingPlan) -> dict[str, object]:
    own = {part.name: dict(part.options) for part in (plan.proposer, plan.constraint) if part is not None}
    return {
        **plan.options,
        **own,
        **{name: getattr(plan, name) for name in ("token_healing", "max_new_tokens")},
        "stop": list(plan.stop),
    }


def _whole_text(line: Line, score: float | None) -> WholeText:
    assert line.finish_reason is not None
    return WholeText(line.text, tuple(line.tokens), score, line.finish_reason)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a text while it is written."""

    text: str
    """Whole characters that are certain now; all chunks together are the text."""

    generation: Generation | None = None
    """The whole result; it comes with the last chunk."""
