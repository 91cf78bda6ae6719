"""What the transforms of the history do to one row, in plain Python, straight from their definitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

from zaoju import TokenTable

NOTHING = -float("inf")


def window(tokens: Sequence[int], last: int) -> list[int]:
    return list(tokens[-last:]) if last else list(tokens)


def left(logits: Sequence[float], removed: Set[int]) -> list[float]:
    """A row must keep a token: where none would be left, all are."""
    result = [NOTHING if token in removed else logit for token, logit in enumerate(logits)]
    return result if max(result) > NOTHING else list(logits)


def repetition(logits: Sequence[float], tokens: Sequence[int], options: Mapping[str, Any]) -> list[float]:
    penalty, used = options["repetition_penalty"], window(tokens, options["repetition_window"])
    return [
        logit if token not in used else logit / penalty if logit > 0 else logit * penalty
        for token, logit in enumerate(logits)
    ]


def occurrence(
    logits: Sequence[float], tokens: Sequence[int], prompt_length: int, options: Mapping[str, Any]
) -> list[float]:
    counted = [
        token
        for place, token in enumerate(tokens)
        if (options["penalty_prompt"] or place >= prompt_length)
        and (options["penalty_window"] == 0 or len(tokens) - place <= options["penalty_window"])
    ]
    return [
        logit - options["frequency_penalty"] * counted.count(token) - options["presence_penalty"] * (token in counted)
        for token, logit in enumerate(logits)
    ]


def no_repeat_ngram(logits: Sequence[float], tokens: Sequence[int], size: int) -> list[float]:
    """Token by token: would the text with it end in an n-gram that it has already?"""
    grams = {tuple(tokens[place : place + size]) for place in range(len(tokens) - size + 1)}
    banned = {token for token in range(len(logits)) if (*tokens, token)[-size:] in grams} if size else set()
    return left(logits, banned)


def dry_lengths(tokens: Sequence[int], breakers: Set[int]) -> dict[int, int]:
    """For each token that came after something, how much of it the last tokens are: the longest of its places."""
    longest: dict[int, int] = {}
    for place, token in enumerate(tokens):
        if token not in breakers:
            before = tokens[:place]
            length = max(
                length
                for length in range(place + 1)
                if before[place - length :] == tokens[len(tokens) - length :]
                and not breakers & set(before[place - length :])
            )
            longest[token] = max(length, longest.get(token, 0))
    return longest


def dry(logits: Sequence[float], tokens: Sequence[int], breakers: Set[int], options: Mapping[str, Any]) -> list[float]:
    multiplier, base, allowed = (options[f"dry_{name}"] for name in ("multiplier", "base", "allowed_length"))
    lengths = dry_lengths(window(tokens, options["dry_window"]), breakers)
    return [
        logit - min(1e6, multiplier * base ** (lengths[token] - allowed)) if lengths.get(token, 0) >= allowed else logit
        for token, logit in enumerate(logits)
    ]


def breaking(table: TokenTable, breakers: Sequence[str]) -> set[int]:
    return {
        token
        for token in range(table.size)
        if any(breaker.encode() in (table.bytes_of(token) or b"") for breaker in breakers)
    }


def minimum_length(logits: Sequence[float], index: int, least: int, end_of_text: int) -> list[float]:
    return left(logits, {end_of_text} if index < least else set())
