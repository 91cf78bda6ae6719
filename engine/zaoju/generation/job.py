"""What is to be written: one request with all that was settled before its first token."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zaoju.config import DecodingPlan
    from zaoju.contracts import Matcher
    from zaoju.generation.chain import Chain, RowSettings
    from zaoju.generation.shared_proposer import SharedProposer
    from zaoju.generation.token_healing import OpenEnd
    from zaoju.tokenization import Tokenizer

FinishReason: TypeAlias = Literal["end_of_text", "stop", "length", "context", "search", "cancelled"]
"""The model ended the text; a stop string came; `max_new_tokens` were written; the context is full; a search ended it
by itself; the caller left."""


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A request that may begin. Nothing in it changes while its text is written."""

    number: int
    """Its own in the engine."""

    prompt: str
    beginning: Sequence[int]
    """Tokens that only start a text; they are fed to the model, and are no part of the history."""

    prompt_tokens: Sequence[int]
    """The prompt as the tokenizer cuts it."""

    open_end: OpenEnd | None
    """The end of the prompt that may be cut in another way; None where it stays as it is."""

    plan: DecodingPlan
    seed: int
    tokenizer: Tokenizer
    context_length: int
    chain: Chain
    settings: RowSettings
    proposer: SharedProposer | None
    matcher: Matcher | None
    """The constraint at its beginning; texts work on forks of it."""

    started: float = field(default_factory=time.perf_counter)

    @property
    def settled_prompt(self) -> list[int]:
        """The tokens of the prompt that stay as they are."""
        taken_back = 0 if self.open_end is None else len(self.open_end.tokens)
        return list(self.prompt_tokens[: len(self.prompt_tokens) - taken_back])

    @property
    def fed(self) -> list[int]:
        """What the model reads before anything is chosen, the cut of an open end included."""
        return [*self.beginning, *self.settled_prompt]
