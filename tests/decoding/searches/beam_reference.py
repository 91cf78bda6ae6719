"""Beam search and diverse beam search in plain Python, and every text that there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from search_driver import Task, Tokens


@dataclass
class _Group:
    size: int
    live: list[tuple[Tokens, float]] = field(default_factory=lambda: [((), 0.0)])
    whole: list[float] = field(default_factory=list)


def reference(
    task: Task,
    beams: int,
    length_penalty: float,
    early_stopping: bool | str,
    groups: int = 1,
    diversity_penalty: float = 0.0,
) -> dict[Tokens, float]:
    """Every whole text that the search comes by, with its score."""
    whole: dict[Tokens, float] = {}
    all_groups = [_Group(beams // groups) for _ in range(groups)]
    for length in range(1, task.room + 1):
        used: Counter[int] = Counter()
        for group in all_groups:
            ended = _advance(task, group, length, used, diversity_penalty)
            for tokens, total in ended:
                score = total / length**length_penalty
                group.whole.append(score)
                whole[tokens] = max(score, whole.get(tokens, score))
            group.whole = sorted(group.whole)[-group.size :]
            if len(group.whole) == group.size and group.live:
                longest = task.room if early_stopping == "never" and length_penalty > 0 else length
                hope = max(total for _, total in group.live) / longest**length_penalty
                if early_stopping is True or hope <= group.whole[0]:
                    group.live = []
            used.update(tokens[-1] for tokens, _ in (*group.live, *ended))
    return whole


def _advance(
    task: Task, group: _Group, length: int, used: Counter[int], diversity_penalty: float
) -> list[tuple[Tokens, float]]:
    """Replaces the live texts of a group; gives those that are whole."""
    candidates = []
    for row, (tokens, total) in enumerate(group.live):
        logits = task.chain(task.model.logits([task.prompt + tokens]))
        for token, gain in enumerate(logits.double().log_softmax(1)[0].tolist()):
            rank = total + gain - diversity_penalty * used[token]
            if gain > float("-inf"):
                candidates.append((-rank, row, token, (*tokens, token), total + gain))
    candidates.sort()
    texts = [(text, total) for _, _, _, text, total in candidates]
    group.live = [pair for pair in texts if length < task.room and not task.ends(pair[0])][: group.size]
    return [pair for pair in texts[: group.size] if length == task.room or task.ends(pair[0])]


def every_text(task: Task, vocabulary_size: int, so_far: Tokens = ()) -> Iterator[Tokens]:
    """All whole texts."""
    if so_far and (len(so_far) == task.room or task.ends(so_far)):
        yield so_far
        return
    for token in range(vocabulary_size):
        yield from every_text(task, vocabulary_size, (*so_far, token))
