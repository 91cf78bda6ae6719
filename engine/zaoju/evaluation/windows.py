"""Long token sequences in windows that a model can look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def overlapping_windows(tokens: Sequence[int], context_length: int) -> Iterator[tuple[Sequence[int], int]]:
    """Windows over `tokens` in which every token after the first is scored once: (window, how many of its last count).

    A window holds at most `context_length + 1` tokens: the last one is only predicted. Windows begin half a context
    after one another, so a token that is not in the first window has at least half a context before it.
    """
    stride = max(1, context_length // 2)
    scored = 1
    for start in range(0, len(tokens), stride):
        end = min(len(tokens), start + context_length + 1)
        if end <= scored:
            return
        yield tokens[start:end], end - scored
        scored = end
