"""The key-value cache: slots for rows, each with its own length.

A *row* is a running text. It owns one slot, so rows of any length share a batch, join and leave at any step, and a
fork is one copy of the used part. A forward pass sees the cache through a `CacheWindow`: which rows take part, and how
many new tokens each of them brings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

_FIRST_SLOTS = 4
_FIRST_CAPACITY = 64


@dataclass(frozen=True, slots=True)
class CacheShape:
    """The numbers that a model's cache needs."""

    layers: int
    heads: int
    """Heads of keys and values."""

    head_width: int
    context_length: int


class KeyValueCache:
    """Keys and values of every layer, [slots, heads, capacity, head width] each.

    Slots and capacity grow by doubling, the capacity up to the context length. Not thread-safe: one thread at a time.
    """

    def __init__(self, shape: CacheShape, *, dtype: torch.dtype, device: torch.device) -> None:
        self.shape = shape
        capacity = min(_FIRST_CAPACITY, shape.context_length)
        self.keys = [self._buffer(_FIRST_SLOTS, capacity, dtype, device) for _ in range(shape.layers)]
        self.values = [self._buffer(_FIRST_SLOTS, capacity, dtype, device) for _ in range(shape.layers)]
        self._lengths: dict[int, int] = {}
        self._free = list(range(_FIRST_SLOTS))

    @property
    def lengths(self) -> Mapping[int, int]:
        """How many tokens each living row holds."""
        return self._lengths

    @property
    def slots(self) -> int:
        """How many rows the buffers have room for now."""
        return self.keys[0].shape[0]

    @property
    def capacity(self) -> int:
        """How many tokens of a row the buffers have room for now."""
        return self.keys[0].shape[2]

    def allocate(self, count: int) -> list[int]:
        """Handles of `count` new, empty rows; the lowest free slots, so that a batch often lies in one piece."""
        while len(self._free) < count:
            self._free.extend(range(self.slots, 2 * self.slots))
            self._grow(slots=2 * self.slots, capacity=self.capacity)
        self._free.sort()
        rows, self._free = self._free[:count], self._free[count:]
        self._lengths.update(dict.fromkeys(rows, 0))
        return rows

    def fork(self, row: int) -> int:
        """A new row that holds what `row` holds."""
        length = self._length(row)
        [copy] = self.allocate(1)
        for buffer in (*self.keys, *self.values):
            buffer[copy, :, :length] = buffer[row, :, :length]
        self._lengths[copy] = length
        return copy

    def free(self, rows: Sequence[int]) -> None:
        """End rows; their slots are used again."""
        for row in rows:
            self._length(row)
            del self._lengths[row]
            self._free.append(row)

    def window(self, rows: Sequence[int], new_tokens: Sequence[int]) -> CacheWindow:
        """A view for one forward pass in which row `rows[i]` brings `new_tokens[i]` tokens.

        Raises `ValueError` where a row would grow past the context length, appears twice or does not live.
        """
        if len(set(rows)) != len(rows) or len(rows) != len(new_tokens) or not rows:
            raise ValueError(
                f"a window takes rows without repeats and one count for each, not {rows!r}, {new_tokens!r}"
            )
        starts = [self._length(row) for row in rows]
        longest = max(start + new for start, new in zip(starts, new_tokens, strict=True))
        if longest > self.shape.context_length or min(new_tokens) < 1:
            raise ValueError(
                f"rows of {starts} tokens cannot take {list(new_tokens)} more: "
                f"at least 1 each, and no more than {self.shape.context_length} in all"
            )
        capacity = self.capacity
        while capacity < longest:
            capacity = min(2 * capacity, self.shape.context_length)
        if capacity > self.capacity:
            self._grow(slots=self.slots, capacity=capacity)
        return CacheWindow(self, rows, starts, new_tokens)

    def set_length(self, row: int, length: int) -> None:
        """Say that `row` holds `length` tokens: used after a pass, and to take back the newest tokens of a row."""
        self._length(row)
        self._lengths[row] = length

    def _length(self, row: int) -> int:
        if row not in self._lengths:
            raise ValueError(f"row {row} does not live in this cache")
        return self._lengths[row]

    def _grow(self, *, slots: int, capacity: int) -> None:
        for buffers in (self.keys, self.values):
            for layer, old in enumerate(buffers):
                new = self._buffer(slots, capacity, old.dtype, old.device)
                new[: old.shape[0], :, : old.shape[2]] = old
                buffers[layer] = new

    def _buffer(self, slots: int, capacity: int, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
        # Zeros, not empty memory: a masked value has weight 0, and 0 times a stray NaN would be NaN.
        return torch.zeros(slots, self.shape.heads, capacity, self.shape.head_width, dtype=dtype, device=device)


class CacheWindow:
    """One forward pass over some rows of a cache.

    Where every row starts empty, attention is plainly causal over the new tokens, since padding on the right comes
    after all real ones. Otherwise it goes over the used part of the rows, under `mask`.
    """

    def __init__(
        self, cache: KeyValueCache, rows: Sequence[int], starts: Sequence[int], new_tokens: Sequence[int]
    ) -> None:
        self._cache = cache
        self._rows = list(rows)
        self._lengths = [start + new for start, new in zip(starts, new_tokens, strict=True)]
        self._used = max(self._lengths)
        device = cache.keys[0].device
        self.width = max(new_tokens)
        """How many tokens a row of `ids` must have: T."""

        self.fresh = not any(starts)
        """True where every row was empty before this pass."""

        start = torch.tensor(starts, device=device)
        offset = torch.arange(self.width, device=device)
        place = start[:, None] + offset
        self.positions = place.clamp(max=cache.shape.context_length - 1)
        """[N, T] int64: the place of each new token in its row."""

        self.mask = None if self.fresh else self._mask(place, starts)
        """[N, 1, T, used] bool, True where attention may look; None where no mask is needed."""

        self._written = self._valid_places(place, offset, new_tokens)

    def update(self, layer: int, keys: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Store the new keys and values [N, heads, T, head width]; gives those to attend to."""
        self._write(self._cache.keys[layer], keys)
        self._write(self._cache.values[layer], values)
        if self.fresh:
            return keys, values
        return self._read(self._cache.keys[layer]), self._read(self._cache.values[layer])

    def finish(self) -> None:
        """The pass is over: the rows are longer now."""
        for row, length in zip(self._rows, self._lengths, strict=True):
            self._cache.set_length(row, length)

    def _mask(self, place: torch.Tensor, starts: Sequence[int]) -> torch.Tensor | None:
        if self.width == 1 and len(set(starts)) == 1:
            return None
        return (torch.arange(self._used, device=place.device) <= place[:, :, None])[:, None]

    def _valid_places(
        self, place: torch.Tensor, offset: torch.Tensor, new_tokens: Sequence[int]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Where to write: slot and position of each real token, and which of [N, T] are real (None: all)."""
        rows = torch.tensor(self._rows, device=place.device)[:, None].expand_as(place)
        if len(set(new_tokens)) == 1:
            return rows.flatten(), place.flatten(), None
        real = offset < torch.tensor(new_tokens, device=place.device)[:, None]
        return rows[real], place[real], real

    def _write(self, buffer: torch.Tensor, new: torch.Tensor) -> None:
        slot, position, real = self._written
        tokens = new.detach().transpose(1, 2)
        buffer[slot, :, position] = tokens.flatten(0, 1) if real is None else tokens[real]

    def _read(self, buffer: torch.Tensor) -> torch.Tensor:
        first = self._rows[0]
        if self._rows == list(range(first, first + len(self._rows))):
            return buffer[first : first + len(self._rows), :, : self._used]
        return buffer[self._rows, :, : self._used]
