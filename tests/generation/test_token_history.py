"""The history of many texts: what stands in it, whatever joined, left and was forked before."""

from __future__ import annotations

import random

import torch

from zaoju.generation.history import TokenHistory


def shown(history: TokenHistory, slots: list[int]) -> list[tuple[list[int], int]]:
    """The tokens and the length of the prompt of each slot."""
    past = history.of(slots)
    assert past.tokens.shape == past.valid.shape
    lengths = past.valid.sum(dim=1).tolist()
    # The real tokens of a row come first, and the longest row has no padding.
    assert all(row[:length].all() for row, length in zip(past.valid, lengths, strict=True))
    assert max(lengths) == past.tokens.shape[1]
    rows = zip(past.tokens.tolist(), lengths, past.prompt_length.tolist(), strict=True)
    return [(tokens[:length], prompt) for tokens, length, prompt in rows]


def test_random_runs_against_lists() -> None:
    """Texts join, write, fork and leave in any order; slots are used again by prompts of other lengths."""
    for seed in range(40):
        draw = random.Random(seed)
        history, known = TokenHistory(torch.device("cpu")), dict[int, tuple[list[int], int]]()
        for _ in range(120):
            kind = draw.random()
            if not known or kind < 0.25:
                prompt = [draw.randrange(99) for _ in range(draw.choice([0, 1, 5, 70]))]
                known[history.add(prompt)] = (prompt, len(prompt))
            elif kind < 0.35:
                source = draw.choice(list(known))
                known[history.fork(source)] = (list(known[source][0]), known[source][1])
            elif kind < 0.5 and len(known) > 1:
                slot = draw.choice(list(known))
                del known[slot]
                history.remove(slot)
            else:
                slots = draw.sample(list(known), draw.randint(1, len(known)))
                tokens = [draw.randrange(99) for _ in slots]
                history.append(slots, torch.tensor(tokens))
                for slot, token in zip(slots, tokens, strict=True):
                    known[slot][0].append(token)
            slots = draw.sample(list(known), draw.randint(1, len(known)))
            assert shown(history, slots) == [known[slot] for slot in slots]


def test_what_was_given_before_stays_as_it_was() -> None:
    history = TokenHistory(torch.device("cpu"))
    slots = [history.add([1, 2]), history.add([3])]
    before = history.of(slots)
    tokens, valid = before.tokens.clone(), before.valid.clone()
    history.append(slots, torch.tensor([7, 8]))
    history.fork(slots[0])
    assert torch.equal(before.tokens, tokens) and torch.equal(before.valid, valid)
    assert shown(history, slots) == [([1, 2, 7], 2), ([3, 8], 1)]


def test_many_groups_are_forgotten_and_found_again() -> None:
    history = TokenHistory(torch.device("cpu"))
    slots = [history.add([number]) for number in range(9)]
    for first in slots:
        for second in slots:
            if first != second:
                assert shown(history, [first, second]) == [([first], 1), ([second], 1)]
    assert len(history._groups) <= 64
