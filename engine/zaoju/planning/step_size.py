"""How many windows a step learns from, where nobody says."""

from __future__ import annotations

import math

WINDOWS_OF_GIVEN_STEPS = 16
"""Where the steps are given, whatever their number."""

_TOKENS_PER_ROOT = 2.5
"""Tokens of a step over the square root of all tokens. `benchmarks/learning.py` says what comes of it."""

_MOST_WINDOWS = 64


def windows_of_step(tokens: float, window_tokens: float) -> int:
    """The windows of a step, a power of two, in a run over so many `tokens` in windows of `window_tokens`.

    Short runs need many small steps, long ones can average more: the batch beyond which larger ones stop helping grows
    with the square root of the tokens, whatever the model's size (Zhang et al., 2024, "How Does Critical Batch Size
    Scale in Pre-training?", arXiv 2410.21676).
    """
    wanted = _TOKENS_PER_ROOT * math.sqrt(tokens) / window_tokens
    return min(_MOST_WINDOWS, 1 << max(0, round(math.log2(wanted))))
