"""What transforms see of the tokens so far."""

from __future__ import annotations

import torch

from zaoju.contracts import History
from zaoju_builtin.decoding.transforms.host_rows import WIDE, looks_are_free


def in_window(history: History, window: torch.Tensor) -> torch.Tensor:
    """[N, L] bool: the real tokens that are among the last `window` [N] of their row; 0 means all."""
    if looks_are_free(window) and not bool(window.any()):
        return history.valid
    places = torch.arange(history.tokens.shape[1], device=history.tokens.device)
    first = history.valid.sum(dim=1) - window
    return history.valid & ((places >= first.unsqueeze(1)) | (window == 0).unsqueeze(1))


def occurrences(history: History, seen: torch.Tensor, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The tokens [N, L] of a history, each in the vocabulary, and how often each stands at the places `seen` [N, L].

    So what depends on a token's count is computed for the tokens of the history alone, and is the same wherever a token
    stands. The counts are [N, L] float32.
    """
    # Where the history is padded any token will do, as it is counted like every other.
    tokens = history.tokens.masked_fill(~history.valid, 0)
    if looks_are_free(tokens) and width >= WIDE:
        return tokens, _counted_in_turn(tokens, seen.float(), width)
    counted = torch.zeros(len(tokens), width, dtype=torch.float32, device=tokens.device)
    return tokens, counted.scatter_add(1, tokens, seen.float()).gather(1, tokens)


def _counted_in_turn(tokens: torch.Tensor, seen: torch.Tensor, width: int) -> torch.Tensor:
    """The same without a table for every row: one that stays in a processor's cache and is cleared after each."""
    table = torch.zeros(width, dtype=seen.dtype, device=seen.device)
    counts = torch.empty_like(seen)
    for row, places, count in zip(tokens, seen, counts, strict=True):
        table.index_add_(0, row, places)
        torch.index_select(table, 0, row, out=count)
        table.index_fill_(0, row, 0)
    return counts


def matches(history: History, usable: torch.Tensor, longest: int) -> torch.Tensor:
    """[N, L] int64: for each place of a row, how many tokens before it equal the last ones of the row, one by one.

    Counted up to `longest`. A token at a place that is not `usable` [N, L] equals none, so it ends a match.
    """
    length = history.tokens.shape[1]
    # A graph is captured for histories of any length, so it goes through all depths.
    depth = longest if torch.compiler.is_compiling() else min(longest, length)
    back = history.valid.sum(dim=1, keepdim=True) - 1 - torch.arange(depth, device=usable.device)
    # From the last token backwards. Before the first token of a row this gives any token, which is compared with what
    # stands earlier still: with nothing.
    ending = history.tokens.gather(1, back.clamp(min=0))
    earlier = torch.nn.functional.pad(history.tokens.masked_fill(~usable, -1), (depth, 0), value=-1)
    if not looks_are_free(usable):
        return _all_depths(earlier, ending).masked_fill(~history.valid, 0)
    found = torch.zeros_like(history.tokens)
    running = history.valid
    for step in range(depth):
        start = depth - 1 - step
        running = running & (earlier[:, start : start + length] == ending[:, step : step + 1])
        if not bool(running.any()):
            break
        found = found + running
    return found


def _all_depths(earlier: torch.Tensor, ending: torch.Tensor) -> torch.Tensor:
    """[N, L] int64: the same as one operation, where it would have to wait for whether to go deeper.

    `earlier` [N, depth + L] has the places before those of the row, `ending` [N, depth] the last tokens backwards.
    """
    depth = ending.shape[1]
    length = earlier.shape[1] - depth
    back = torch.arange(depth - 1, -1, -1, device=earlier.device)
    before = earlier[:, back.unsqueeze(1) + torch.arange(length, device=earlier.device)]
    # Past the last depth every place differs, so there is a first difference.
    differs = torch.nn.functional.pad(before != ending.unsqueeze(2), (0, 0, 0, 1), value=True)
    return differs.to(torch.int8).argmax(dim=1)
