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
    length = history.tokens.shape[1]
    depth = min(longest, length)
    back = history.valid.sum(dim=1, keepdim=True) - 1 - torch.arange(depth, device=usable.device)
    # From the last token backwards. Before the first token of a row this gives any token, which is compared with what
    # stands earlier still: with nothing.
    ending = history.tokens.gather(1, back.clamp(min=0))
    earlier = torch.nn.functional.pad(history.tokens.masked_fill(~usable, -1), (depth, 0), value=-1)
    found = torch.zeros_like(history.tokens)
    running = history.valid
    for step in range(depth):
        start = depth - 1 - step
        running = running & (earlier[:, start : start + length] == ending[:, step : step + 1])
        # Looking costs nothing on a CPU; an accelerator would have to wait, and goes on.
        if usable.device.type == "cpu" and not bool(running.any()):
            break
        found = found + running
    return found
