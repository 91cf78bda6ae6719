"""What transforms see of the tokens so far."""

from __future__ import annotations

import torch

from zaoju.contracts import History


def in_window(history: History, window: torch.Tensor) -> torch.Tensor:
    """[N, L] bool: the real tokens that are among the last `window` [N] of their row; 0 means all."""
    places = torch.arange(history.tokens.shape[1], device=history.tokens.device)
    first = history.valid.sum(dim=1) - window
    return history.valid & ((places >= first.unsqueeze(1)) | (window == 0).unsqueeze(1))


def counts(history: History, seen: torch.Tensor, width: int) -> torch.Tensor:
    """[N, width] float32: how often each token stands at the places `seen` [N, L] of its row."""
    # What is not seen counts for a column of its own beyond the vocabulary, which is cut off again.
    tokens = history.tokens.masked_fill(~seen, width)
    counted = torch.zeros(len(tokens), width + 1, dtype=torch.float32, device=tokens.device)
    return counted.scatter_add(1, tokens, torch.ones_like(tokens, dtype=torch.float32))[:, :width]


def matches(history: History, usable: torch.Tensor, longest: int) -> torch.Tensor:
    """[N, L] int64: for each place of a row, how many tokens before it equal the last ones of the row, one by one.

    Counted up to `longest`. A token at a place that is not `usable` [N, L] equals none, so it ends a match.
    """
    tokens, length = history.tokens, history.tokens.shape[1]
    last = history.valid.sum(dim=1, keepdim=True) - 1
    found = torch.zeros_like(tokens)
    running = history.valid
    for back in range(min(longest, length)):
        end = (last - back).clamp(min=0)
        ending = tokens.gather(1, end)
        ends_in_use = usable.gather(1, end) & (last >= back)
        # The token that stands `back + 1` places before each place; before the beginning there is none.
        shifted = torch.nn.functional.pad(tokens, (back + 1, 0))[:, :length]
        shifted_use = torch.nn.functional.pad(usable, (back + 1, 0))[:, :length]
        running = running & shifted_use & ends_in_use & (shifted == ending)
        # Looking costs nothing on a CPU; an accelerator would have to wait, and goes on.
        if tokens.device.type == "cpu" and not bool(running.any()):
            break
        found = found + running
    return found
