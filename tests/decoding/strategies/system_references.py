"""vLLM and llama.cpp as plain functions of one row, in the order in which those systems act."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from typing import Any

import torch

from support.decoder_helpers import END, nucleus, probabilities, ranked

NOTHING = -math.inf
Row = list[float]


def vllm(row: Row, history: Sequence[int], prompt_length: int, numbers: Mapping[str, Any]) -> Row:
    """What is forbidden, then penalties (the last two of the text alone), temperature, min-p, top-k, top-p."""
    text = history[prompt_length:]
    forbidden = {token_of(word) for word in numbers["bad_words"]}
    if len(text) < numbers["min_new_tokens"]:
        forbidden |= {END}
    row = keep(row, set(range(len(row))) - forbidden)
    row = repetition(biased(row, numbers), history, numbers)
    row = temperature(occurrence(row, text, numbers), numbers)
    return top_p(top_k(min_p(row, numbers), numbers), numbers)


def llamacpp(row: Row, history: Sequence[int], prompt_length: int, numbers: Mapping[str, Any]) -> Row:
    """Penalties over the last 64 tokens, DRY over all, top-k, typical, top-p, min-p, XTC, and the temperature last."""
    last = history[-64:]
    row = occurrence(repetition(biased(row, numbers), last, numbers), last, numbers)
    row = typical(top_k(dry(row, history, numbers), numbers), numbers)
    row = xtc(min_p(top_p(row, numbers), numbers), numbers)
    return dynamic_temperature(temperature(row, numbers), numbers)


def letter_of(token: int) -> bytes:
    """What a token writes: a letter of its own."""
    return bytes([ord("A") + token])


def token_of(letter: str) -> int:
    return ord(letter) - ord("A")


def shares(row: Row) -> list[float]:
    return probabilities(torch.tensor(row, dtype=torch.float64))


def keep(row: Row, kept: Set[int]) -> Row:
    return [value if token in kept else NOTHING for token, value in enumerate(row)]


def biased(row: Row, numbers: Mapping[str, Any]) -> Row:
    return [value + numbers["logit_bias"].get(f"id:{token}", 0.0) for token, value in enumerate(row)]


def repetition(row: Row, seen: Sequence[int], numbers: Mapping[str, Any]) -> Row:
    penalty = numbers["repetition_penalty"]
    return [
        value if token not in seen else value / penalty if value > 0 else value * penalty
        for token, value in enumerate(row)
    ]


def occurrence(row: Row, counted: Sequence[int], numbers: Mapping[str, Any]) -> Row:
    frequency, presence = numbers["frequency_penalty"], numbers["presence_penalty"]
    return [
        value - counted.count(token) * frequency - (presence if token in counted else 0.0)
        for token, value in enumerate(row)
    ]


def dry(row: Row, history: Sequence[int], numbers: Mapping[str, Any]) -> Row:
    multiplier, base, allowed = (numbers[f"dry_{name}"] for name in ("multiplier", "base", "allowed_length"))
    lost = [0.0] * len(row)
    for place, token in enumerate(history):
        length = 0
        while length < place and history[place - 1 - length] == history[-1 - length]:
            length += 1
        if length >= allowed:
            lost[token] = max(lost[token], multiplier * base ** (length - allowed))
    return [value - less for value, less in zip(row, lost, strict=True)]


def temperature(row: Row, numbers: Mapping[str, Any]) -> Row:
    return [value / numbers["temperature"] for value in row]


def dynamic_temperature(row: Row, numbers: Mapping[str, Any]) -> Row:
    coldest, hottest = numbers.get("dynatemp_min", 1.0), numbers.get("dynatemp_max", 1.0)
    left = sum(value > NOTHING for value in row)
    share = entropy(row) / math.log(left) if left > 1 else 0.0
    return [value / (coldest + (hottest - coldest) * share) for value in row]


def entropy(row: Row) -> float:
    return math.fsum(-share * math.log(share) for share in shares(row) if share > 0)


def top_k(row: Row, numbers: Mapping[str, Any]) -> Row:
    return keep(row, set(ranked(torch.tensor(row, dtype=torch.float64))[: numbers["top_k"]]))


def top_p(row: Row, numbers: Mapping[str, Any]) -> Row:
    return keep(row, nucleus(torch.tensor(row, dtype=torch.float64), numbers["top_p"]))


def min_p(row: Row, numbers: Mapping[str, Any]) -> Row:
    probable = shares(row)
    return keep(row, {token for token, share in enumerate(probable) if share >= numbers["min_p"] * max(probable)})


def typical(row: Row, numbers: Mapping[str, Any]) -> Row:
    probable, expected = shares(row), entropy(row)
    left = [token for token, share in enumerate(probable) if share > 0]
    kept: set[int] = set()
    for token in sorted(left, key=lambda token: abs(-math.log(probable[token]) - expected)):
        if kept and math.fsum(probable[member] for member in kept) >= numbers["typical_p"]:
            break
        kept.add(token)
    return keep(row, kept)


def xtc(row: Row, numbers: Mapping[str, Any]) -> Row:
    """For a probability of 1: it always happens."""
    probable = shares(row)
    likely = [token for token, share in enumerate(probable) if share >= numbers["xtc_threshold"]]
    spared = {min(likely, key=lambda token: row[token])} if likely else set()
    return keep(row, set(range(len(row))) - set(likely) | spared)
