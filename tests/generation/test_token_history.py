"""The history of many texts: what stands in it, whatever joined, left and was forked before."""

from __future__ import annotations

import random
from dataclasses import FrozenInstanceError, replace

import pytest
import torch

from zaoju.contracts import History
from zaoju.generation.history import TokenHistory, UnreadHistory


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
                history.append(slots, tokens)
                for slot, token in zip(slots, tokens, strict=True):
                    known[slot][0].append(token)
            slots = draw.sample(list(known), draw.randint(1, len(known)))
            assert shown(history, slots) == [known[slot] for slot in slots]


def test_what_was_given_before_stays_as_it_was() -> None:
    history = TokenHistory(torch.device("cpu"))
    slots = [history.add([1, 2]), history.add([3])]
    before = history.of(slots)
    tokens, valid = before.tokens.clone(), before.valid.clone()
    history.append(slots, [7, 8])
    history.fork(slots[0])
    assert torch.equal(before.tokens, tokens) and torch.equal(before.valid, valid)
    assert shown(history, slots) == [([1, 2, 7], 2), ([3, 8], 1)]


def test_it_is_the_history_of_its_moment_whenever_it_is_read() -> None:
    history = TokenHistory(torch.device("cpu"))
    slots = [history.add([1, 2]), history.add([])]
    before = history.of(slots)
    history.append(slots, [7, 8])
    now = history.of(slots)
    history.append(slots, [9, 9])
    assert now.tokens[:, :1].tolist() == [[1], [8]] and now.valid.sum(dim=1).tolist() == [3, 1]
    assert before.valid.sum(dim=1).tolist() == [2, 0] and before.tokens[0].tolist() == [1, 2]
    assert before.prompt_length.tolist() == [2, 0]


def test_nothing_is_written_before_it_is_read() -> None:
    history = TokenHistory(torch.device("cpu"))
    slots = [history.add([1, 2]), history.add([3])]
    for _ in range(200):
        history.append(slots, [4, 5])
        past = history.of([history.fork(slots[0]), *slots])
        assert isinstance(past, UnreadHistory) and not past.was_read
    assert history._tokens.numel() == 0
    assert past.valid.sum(dim=1).tolist() == [202, 202, 201] and past.was_read
    assert past.tokens[2, :201].tolist() == [3, *[5] * 200]


def test_a_history_that_was_not_read_can_be_changed_like_any_other() -> None:
    history = TokenHistory(torch.device("cpu"))
    past = history.of([history.add([1, 2])])
    longer = torch.tensor([[5, 6]])
    changed = replace(past, tokens=longer)
    assert type(changed) is History and changed.tokens is longer and changed.valid.tolist() == [[True, True]]
    with pytest.raises(FrozenInstanceError):
        past.tokens = longer  # type: ignore[misc]
