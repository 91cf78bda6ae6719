"""What the transforms of the history do to one row, in plain Python, straight from their definitions."""

from __future__ import annotations

from collections.abc import Sequence

NOTHING = -float("inf")


def window(history: Sequence[int], last: int) -> list[int]:
    return list(history[-last:]) if last else list(history)


def repetition(logits: Sequence[float], history: Sequence[int], penalty: float, last: int) -> list[float]:
    used = set(window(history, last))
    return [
        (value / penalty if value > 0 else value * penalty) if token in used else value
        for token, value in enumerate(logits)
    ]


def occurrence(
    logits: Sequence[float],
    history: Sequence[int],
    prompt: int,
    frequency: float,
    presence: float,
    last: int,
    all_: bool,
) -> list[float]:
    seen = [
        token
        for place, token in enumerate(history)
        if (all_ or place >= prompt) and (not last or place >= len(history) - last)
    ]
    return [
        value - frequency * seen.count(token) - (presence if token in seen else 0) for token, value in enumerate(logits)
    ]


def no_repeat(logits: Sequence[float], history: Sequence[int], size: int) -> list[float]:
    if size == 0:
        return list(logits)
    ending = list(history[len(history) - size + 1 :]) if size > 1 else []
    banned = {
        history[place]
        for place in range(size - 1, len(history))
        if list(history[place - size + 1 : place]) == ending and len(ending) == size - 1
    }
    left = [NOTHING if token in banned else value for token, value in enumerate(logits)]
    return left if max(left) > NOTHING else list(logits)


def dry(
    logits: Sequence[float],
    history: Sequence[int],
    multiplier: float,
    base: float,
    allowed: int,
    last: int,
    breakers: set[int],
) -> list[float]:
    """As text-generation-webui's own description has it: for each earlier place, count how far the ends agree."""
    seen = window(history, last)
    longest: dict[int, int] = {}
    for place, token in enumerate(seen):
        if token in breakers:
            continue
        length = 0
        while (
            length < place
            and seen[place - 1 - length] == seen[len(seen) - 1 - length]
            and seen[place - 1 - length] not in breakers
        ):
            length += 1
        longest[token] = max(longest.get(token, 0), length)
    return [
        value - min(1e6, multiplier * base ** (longest[token] - allowed)) if longest.get(token, 0) >= allowed else value
        for token, value in enumerate(logits)
    ]
