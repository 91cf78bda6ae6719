"""What one forward pass sees of a key-value cache: which rows take part, and the new tokens that each brings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch

from zaoju.models.attention import cached_attention, causal_attention


class Window(Protocol):
    """What the layers of a model see of a cache in one forward pass."""

    @property
    def positions(self) -> torch.Tensor:
        """[N, T] int64: the place of each new token in its row."""

    @property
    def finish(self) -> Callable[[], None]:
        """Called when the pass is over."""

    def attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float
    ) -> torch.Tensor:
        """[N, T, heads, D]: store the new `key` and `value` [N, T, key heads, D], and let `query` look at the rows."""


class CacheWindow:
    """One forward pass over some rows of a cache.

    Where every row starts empty, attention is plainly causal over the new tokens, since padding on the right comes
    after all real ones. Otherwise it goes over the used part of the rows, under a mask.
    """

    def __init__(
        self,
        keys: Sequence[torch.Tensor],
        values: Sequence[torch.Tensor],
        slots: Sequence[int],
        starts: Sequence[int],
        new_tokens: Sequence[int],
        finish: Callable[[], None],
    ) -> None:
        self._keys = keys
        self._values = values
        self._slots = slots
        self._used = max(start + new for start, new in zip(starts, new_tokens, strict=True))
        self.finish = finish
        """Call it when the pass is over: the rows are longer then."""

        self.width = max(new_tokens)
        """How many tokens a row of `ids` must have: T."""

        self._fresh = not any(starts)
        device = keys[0].device
        start = torch.tensor(starts, device=device)
        offset = torch.arange(self.width, device=device)
        place = start[:, None] + offset
        self.positions = place.clamp(max=self._used - 1)
        """[N, T] int64: the place of each new token in its row; padding stands at the place of some real token."""

        self._mask = self._look(place, starts)
        self._written = self._valid_places(place, offset, new_tokens)

    def attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float
    ) -> torch.Tensor:
        """[N, T, heads, D]: store the new `key` and `value` [N, T, key heads, D], and let `query` look at the rows."""
        self._write(self._keys[layer], key)
        self._write(self._values[layer], value)
        if self._fresh:
            return causal_attention(query, key, value, scale=scale)
        keys, values = self._read(self._keys[layer]), self._read(self._values[layer])
        return cached_attention(query, keys, values, self._mask, scale=scale)

    def _look(self, place: torch.Tensor, starts: Sequence[int]) -> torch.Tensor | None:
        """[N, 1, T, used] bool, True where attention may look; None where no mask is needed."""
        if self._fresh or (self.width == 1 and len(set(starts)) == 1):
            return None
        return (torch.arange(self._used, device=place.device) <= place[:, :, None])[:, None]

    def _valid_places(
        self, place: torch.Tensor, offset: torch.Tensor, new_tokens: Sequence[int]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Where to write: slot and position of each real token, and which of [N, T] are real (None: all)."""
        slots = torch.tensor(self._slots, device=place.device)[:, None].expand_as(place)
        if len(set(new_tokens)) == 1:
            return slots.flatten(), place.flatten(), None
        real = offset < torch.tensor(new_tokens, device=place.device)[:, None]
        return slots[real], place[real], real

    def _write(self, buffer: torch.Tensor, new: torch.Tensor) -> None:
        slot, position, real = self._written
        tokens = new.detach()
        buffer[slot, :, position] = tokens.flatten(0, 1) if real is None else tokens[real]

    def _read(self, buffer: torch.Tensor) -> torch.Tensor:
        first = self._slots[0]
        if list(self._slots) == list(range(first, first + len(self._slots))):
            return buffer[first : first + len(self._slots), :, : self._used]
        return buffer[self._slots, :, : self._used]
