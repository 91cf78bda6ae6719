"""One text while it is written: its tokens become characters, and something ends it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from zaoju.generation.chain import ChainRow
from zaoju.generation.stops import StopStrings

if TYPE_CHECKING:
    from zaoju.config import DecodingPlan
    from zaoju.tokenization import Tokenizer

FinishReason = Literal["end_of_text", "stop", "length", "context", "cancelled"]
"""The model ended the text; a stop string came; `max_new_tokens` were written; the context is full; the caller left."""


class RunningText:
    """A prompt and what has been written after it, as text in whole characters."""

    def __init__(
        self, prompt: str, beginning: Sequence[int], tokens: Sequence[int], plan: DecodingPlan, seed: int
    ) -> None:
        self.prompt = prompt
        self.beginning = list(beginning)
        """Tokens that only start a text; they are fed to the model, and are no part of the history."""
        self.prompt_tokens = list(tokens)
        self.plan = plan
        self.seed = seed
        self.generated = 0
        """How many tokens were chosen, the one that ended the text included."""
        self.last = -1
        """The token to feed next."""
        self.finish_reason: FinishReason | None = None
        self._pieces: list[str] = []
        self._taken = 0

    def start(self, tokenizer: Tokenizer, context_length: int) -> None:
        """Make ready for the first token. A text that may have no token at all is finished at once."""
        self._stream = tokenizer.text_stream()
        self._stops = StopStrings(self.plan.stop)
        self._end_of_text = tokenizer.end_of_text
        self._context_length = context_length
        if self.plan.max_new_tokens == 0:
            self.finish_reason = "length"

    @property
    def fed(self) -> list[int]:
        """What the model reads before the first token is chosen."""
        return self.beginning + self.prompt_tokens

    @property
    def chain_row(self) -> ChainRow:
        """What a chain must know to choose the next token."""
        return ChainRow(self.plan.options, self.seed, self.generated)

    @property
    def text(self) -> str:
        """The continuation so far, as far as it is certain."""
        return "".join(self._pieces)

    @property
    def stop(self) -> str | None:
        """The stop string that ended the text."""
        return self._stops.found

    def take(self) -> str:
        """What has become certain since the last call."""
        fresh = "".join(self._pieces[self._taken :])
        self._taken = len(self._pieces)
        return fresh

    def accept(self, token: int) -> None:
        """The next token was chosen."""
        self.generated += 1
        self.last = token
        if token == self._end_of_text:
            self.finish("end_of_text")
            return
        self._pieces.append(self._stops.push(self._stream.push(token)))
        if self._stops.found is not None:
            self.finish_reason = "stop"
        elif self.generated >= self.plan.max_new_tokens:
            self.finish("length")
        elif len(self.beginning) + len(self.prompt_tokens) + self.generated > self._context_length:
            # The chosen token is not fed yet, and there is no room to feed it.
            self.finish("context")

    def finish(self, reason: FinishReason) -> None:
        """End the text for a reason other than a stop string; what was held back belongs to it."""
        self._pieces.append(self._stops.push(self._stream.flush()) + self._stops.flush())
        self.finish_reason = reason if self._stops.found is None else "stop"
