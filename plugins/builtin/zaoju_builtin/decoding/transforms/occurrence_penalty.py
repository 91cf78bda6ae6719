"""The frequency and the presence penalty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch

from zaoju import StepContext, Transform
from zaoju_builtin.decoding.transforms.past import in_window, occurrences

if TYPE_CHECKING:
    from zaoju.contracts import Columns


class OccurrencePenalty(Transform):
    """Takes `frequency_penalty` from a token's logit for each time that it has come, and `presence_penalty` once.

    As in OpenAI's API and vLLM, the tokens of the text count and those of the prompt do not. With `penalty_prompt` both
    do; `penalty_window` is how many of the last tokens are looked at, 0 for all. Together they give llama.cpp's
    penalties. Below 0 a penalty favours what has come. 0 for both changes nothing.
    """

    neutral: ClassVar[Mapping[str, object]] = {"frequency_penalty": 0.0, "presence_penalty": 0.0}

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        history = context.history
        places = torch.arange(history.tokens.shape[1], device=logits.device)
        written = places >= history.prompt_length.unsqueeze(1)
        seen = in_window(history, options["penalty_window"]) & (written | (options["penalty_prompt"] > 0).unsqueeze(1))
        tokens, count = occurrences(history, seen, logits.shape[1])
        used = logits.gather(1, tokens)
        frequency = options["frequency_penalty"].to(logits.dtype).unsqueeze(1)
        presence = options["presence_penalty"].to(logits.dtype).unsqueeze(1)
        return logits.scatter(1, tokens, torch.where(count > 0, used - count * frequency - presence, used))
