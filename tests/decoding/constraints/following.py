"""Going along a constraint, token by token."""

from __future__ import annotations

import random
from collections.abc import Iterable

import torch

from zaoju import Matcher, TokenTable


def follow(matcher: Matcher, tokens: Iterable[int]) -> Matcher:
    """`matcher` after the tokens, each of which must be allowed."""
    for token in tokens:
        assert matcher.allowed()[token], f"token {token} is not allowed"
        matcher.accept(token)
    return matcher


def writes(matcher: Matcher, table: TokenTable, text: str, tokens: list[int] | None = None) -> bool:
    """Whether a fork of `matcher` can write the text and end there, by `tokens` or as the table cuts it."""
    matcher = matcher.fork()
    for token in table.encode(text) if tokens is None else tokens:
        if not matcher.allowed()[token]:
            return False
        matcher.accept(token)
    return bool(matcher.allowed()[table.end_of_text])


def next_bytes(matcher: Matcher, table: TokenTable) -> set[bytes]:
    """The bytes of the tokens that may come next."""
    tokens = matcher.allowed().nonzero().flatten().tolist()
    return {table.bytes_of(token) or b"" for token in tokens if token != table.end_of_text}


def any_cut(text: str, table: TokenTable, choice: random.Random) -> list[int]:
    """Random tokens that spell the text."""
    token_of: dict[bytes, int] = {}
    for token in range(table.size):
        piece = table.bytes_of(token)
        if piece:
            token_of[piece] = token
    rest, tokens = text.encode(), list[int]()
    while rest:
        lengths = [length for length in range(1, len(rest) + 1) if rest[:length] in token_of]
        length = choice.choice(lengths)
        tokens.append(token_of[rest[:length]])
        rest = rest[length:]
    return tokens


def random_walk(matcher: Matcher, table: TokenTable, seed: int) -> tuple[bytes, list[tuple[bytes, bool]]]:
    """The bytes of a random allowed text, and for each of its beginnings whether it might have ended there."""
    generator = torch.Generator().manual_seed(seed)
    matcher, text, ends = matcher.fork(), b"", list[tuple[bytes, bool]]()
    for _ in range(400):
        allowed = matcher.allowed()
        assert allowed.dtype == torch.bool and allowed.device.type == "cpu" and allowed.shape == (table.size,)
        ends.append((text, bool(allowed[table.end_of_text])))
        token = int(torch.multinomial(allowed.double(), 1, generator=generator))
        if token == table.end_of_text:
            return text, ends
        piece = table.bytes_of(token)
        assert piece, f"token {token}, which has no text, is allowed"
        matcher.accept(token)
        text += piece
    raise AssertionError("the text did not end")
