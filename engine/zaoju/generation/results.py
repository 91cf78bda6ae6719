"""What is asked of the engine, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from zaoju.config import DecodingPlan
    from zaoju.generation.running_text import FinishReason, RunningText


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

    seed: int | None = None
    """The text is a function of it. None draws one from the operating system; the result tells it."""

    max_new_tokens: int = 100
    stop: Sequence[str] = ()
    """The text ends before the first of these strings; the prompt is not looked at."""

    options: Mapping[str, float] = field(default_factory=dict)
    """Numbers of the chain's transforms, such as `{"top_p": 0.9}`. Unknown ones are refused."""

    plan: DecodingPlan | None = None
    """A plan that is already resolved; it stands for all the fields above but the prompt and the seed."""

    @classmethod
    def from_plan(
        cls, prompt: str, plan: DecodingPlan, *, seed: int | None = None, max_new_tokens: int | None = None
    ) -> Self:
        """A request that follows `plan`, with another seed or length where one is given."""
        if max_new_tokens is not None:
            plan = replace(plan, max_new_tokens=max_new_tokens)
        return cls(prompt, seed=plan.seed if seed is None else seed, plan=plan)

    def settings(self) -> dict[str, object]:
        """What the `decoding` section of a config would say."""
        named: dict[str, object] = {"max_new_tokens": self.max_new_tokens, "stop": list(self.stop)}
        if self.chain is not None:
            named["chain"] = list(self.chain)
        if self.selector is not None:
            named["selector"] = self.selector
        if self.strategy is not None or self.chain is None:
            named["strategy"] = self.strategy or "nucleus"
        if self.seed is not None:
            named["seed"] = self.seed
        return {**self.options, **named}


@dataclass(frozen=True, slots=True)
class Generation:
    """A finished text, and all that is needed to have it again."""

    prompt: str
    text: str
    """The continuation, without the prompt and without a stop string."""

    finish_reason: FinishReason
    stop: str | None
    """The stop string that ended the text."""

    seed: int
    strategy: str
    chain: tuple[str, ...]
    """The transforms that acted, in their order."""

    selector: str
    parameters: Mapping[str, object]
    """The effective numbers: every option of the chain, `max_new_tokens` and the stop strings."""

    prompt_tokens: int
    generated_tokens: int
    """How many tokens were chosen, the one that ended the text included."""

    @classmethod
    def of(cls, text: RunningText) -> Self:
        """The result of a text that has ended."""
        plan = text.plan
        assert text.finish_reason is not None
        return cls(
            prompt=text.prompt,
            text=text.text,
            finish_reason=text.finish_reason,
            stop=text.stop,
            seed=text.seed,
            strategy=plan.strategy,
            chain=tuple(component.name for component in plan.chain),
            selector=plan.selector.name,
            parameters={**plan.options, "max_new_tokens": plan.max_new_tokens, "stop": list(plan.stop)},
            prompt_tokens=len(text.fed),
            generated_tokens=text.generated,
        )

    def to_json(self) -> dict[str, object]:
        """Plain data."""
        return {
            "prompt": self.prompt,
            "text": self.text,
            "finish_reason": self.finish_reason,
            "stop": self.stop,
            "seed": self.seed,
            "strategy": self.strategy,
            "chain": list(self.chain),
            "selector": self.selector,
            "parameters": dict(self.parameters),
            "prompt_tokens": self.prompt_tokens,
            "generated_tokens": self.generated_tokens,
        }


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a text while it is written."""

    text: str
    """Whole characters that are certain now; all chunks together are the text."""

    generation: Generation | None = None
    """The whole result; it comes with the last chunk."""
