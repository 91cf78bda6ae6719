"""A step of one token for each of the first slots of a cache, with shapes and addresses that never change."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from zaoju.models.attention import cached_attention


class StaticWindow:
    """Every slot from 0 to `len(lengths)` takes one token at its place `lengths` [N] int64, and looks at `used` places.

    Nothing here depends on numbers on the host, so the pass can be captured in a CUDA graph and replayed with other
    `lengths`. A slot that does not take part is written to as well, at its first place without a token, which its own
    next token overwrites; so no slot may be full.
    """

    def __init__(
        self, keys: Sequence[torch.Tensor], values: Sequence[torch.Tensor], lengths: torch.Tensor, used: int
    ) -> None:
        self._keys = keys
        self._values = values
        self._lengths = lengths
        self._used = used
        self._slots = torch.arange(len(lengths), device=lengths.device)
        self._mask = (torch.arange(used, device=lengths.device) <= lengths[:, None])[:, None, None]
        self.positions = lengths[:, None]
        self.finish: Callable[[], None] = _nothing

    def attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float
    ) -> torch.Tensor:
        """[N, 1, heads, D]: as `Window.attend`."""
        count = len(self._lengths)
        for buffer, new in ((self._keys[layer], key), (self._values[layer], value)):
            buffer[self._slots, :, self._lengths] = new[:, 0]
        keys, values = self._keys[layer][:count, :, : self._used], self._values[layer][:count, :, : self._used]
        return cached_attention(query, keys, values, self._mask, scale=scale)


def _nothing() -> None:
    """The caller counts the lengths."""
