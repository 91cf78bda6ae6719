"""Sequences of different lengths, put together so that a forward pass stays within bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as F

LOGITS_PER_PASS = 1 << 26
"""How many logits one forward pass may give: 256 MiB in float32."""


def padded_batches(lengths: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """Indices into `lengths`, grouped by falling length so that no group takes more than `tokens` places once padded.

    A sequence that is longer than `tokens` makes a group of its own.
    """
    group: list[int] = []
    for number in sorted(range(len(lengths)), key=lambda number: -lengths[number]):
        if group and (len(group) + 1) * lengths[group[0]] > tokens:
            yield group
            group = []
        group.append(number)
    if group:
        yield group


def right_padded(sequences: Sequence[Sequence[int]], device: torch.device) -> torch.Tensor:
    """[N, T] int64, with zeros after the end of the shorter ones."""
    longest = max(map(len, sequences))
    return torch.tensor([[*sequence, *[0] * (longest - len(sequence))] for sequence in sequences], device=device)


def score_sequences(
    forward: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    sequences: Sequence[Sequence[int]],
    vocabulary_size: int,
    device: torch.device,
) -> list[torch.Tensor]:
    """For each sequence the natural log-probabilities [length - 1] float32 of every token after its first.

    `forward(ids [N, T], valid [N, T])` gives the logits [N, T, V] of the token after each.
    """
    scores: list[torch.Tensor] = [torch.empty(0)] * len(sequences)
    lengths = [len(sequence) - 1 for sequence in sequences]
    for group in padded_batches(lengths, LOGITS_PER_PASS // vocabulary_size):
        whole = right_padded([sequences[number] for number in group], device)
        valid = torch.arange(whole.shape[1] - 1, device=device) < torch.tensor(
            [[lengths[number]] for number in group], device=device
        )
        logits = forward(whole[:, :-1], valid)
        surprise = F.cross_entropy(logits.flatten(0, 1).float(), whole[:, 1:].flatten(), reduction="none")
        for row, number in zip(-surprise.view(len(group), -1), group, strict=True):
            scores[number] = row[: lengths[number]]
    return scores
