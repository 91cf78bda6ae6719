"""The key-value cache: slots for rows, each with its own length.

A *row* is a running text. It owns one slot, so rows of any length share a batch, join and leave at any step, and a
fork is one copy of the used part. The rows that step together are kept in neighbouring slots, so that attention reads
the cache where it lies. A forward pass sees the cache through a `CacheWindow`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import torch

from zaoju.errors import CacheFullError
from zaoju.models.cache_window import CacheWindow

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

    def token_bytes(self, dtype: torch.dtype) -> int:
        """What one token of one row takes, in bytes: a key and a value in every layer."""
        return 2 * self.layers * self.heads * self.head_width * dtype.itemsize


class KeyValueCache:
    """Keys and values of every layer, [slots, heads, capacity, head width] each.

    Slots and capacity grow by doubling, the capacity up to the context length, and neither beyond `most_bytes`, the
    copy of one buffer that growing takes included. Not thread-safe: one thread at a time.
    """

    def __init__(
        self, shape: CacheShape, *, dtype: torch.dtype, device: torch.device, most_bytes: int | None = None
    ) -> None:
        self.shape = shape
        self.most_bytes = most_bytes
        self._dtype = dtype
        self._device = device
        self.keys = [self._buffer(0, 0) for _ in range(shape.layers)]
        self.values = [self._buffer(0, 0) for _ in range(shape.layers)]
        self._lengths: dict[int, int] = {}
        self._slots: dict[int, int] = {}
        self._owners: dict[int, int] = {}
        self._numbers = count()

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

    @property
    def device(self) -> torch.device:
        """Where the buffers are."""
        return self._device

    @property
    def bytes(self) -> int:
        """What the buffers take now."""
        return self.slots * self.capacity * self.shape.token_bytes(self._dtype)

    def most_rows(self, length: int) -> int | None:
        """How many rows of so many tokens `most_bytes` allows; None where nothing bounds them."""
        if self.most_bytes is None:
            return None
        return int(self.most_bytes / self.row_bytes(length))

    def row_bytes(self, length: int) -> int:
        """What a row of so many tokens takes at most, its share of the copy that growing needs included."""
        buffers = 2 * self.shape.layers
        return -(-length * self.shape.token_bytes(self._dtype) * (buffers + 1) // buffers)

    def allocate(self, number: int) -> list[int]:
        """Handles of `number` new, empty rows, never used before. Raises `CacheFullError` where memory is used up."""
        free = [slot for slot in range(self.slots) if slot not in self._owners][:number]
        if len(free) < number:
            self._fit(len(self._owners) + number, 1)
            free = [slot for slot in range(self.slots) if slot not in self._owners][:number]
        rows = [next(self._numbers) for _ in range(number)]
        for row, slot in zip(rows, free, strict=True):
            self._slots[row], self._owners[slot], self._lengths[row] = slot, row, 0
        return rows

    def fork(self, row: int) -> int:
        """A new row that holds what `row` holds."""
        length = self._length(row)
        [copy] = self.allocate(1)
        to, source = self._slots[copy], self._slots[row]
        for buffer in (*self.keys, *self.values):
            buffer[to, :, :length] = buffer[source, :, :length]
        self._lengths[copy] = length
        return copy

    def free(self, rows: Sequence[int]) -> None:
        """End rows; their slots are used again."""
        for row in rows:
            self._length(row)
            del self._lengths[row]
            del self._owners[self._slots.pop(row)]

    def arrange(self, rows: Sequence[int], *, lowest: bool = False) -> list[int]:
        """`rows` in the order of their slots, after moving them together where they lay apart.

        With `lowest` they end in the first slots; without it they may lie anywhere in one piece. A window over them in
        this order reads the buffers without a copy. Rows that go on together are moved once, when one of them joins or
        leaves.
        """
        slots = sorted(self._slot(row) for row in rows)
        if slots and slots[-1] - (0 if lowest else slots[0]) >= len(slots):
            first = set(range(len(slots)))
            for slot, hole in zip(sorted(set(slots) - first), sorted(first - set(slots)), strict=True):
                self._exchange(slot, hole)
        return sorted(rows, key=self._slots.__getitem__)

    def window(self, rows: Sequence[int], new_tokens: Sequence[int]) -> CacheWindow:
        """A view for one forward pass in which row `rows[i]` brings `new_tokens[i]` tokens.

        Raises `ValueError` where a row would grow past the context length, appears twice or does not live, and
        `CacheFullError` where there is no memory left.
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
        if longest > self.capacity:
            self._fit(len(self._owners), longest)

        def finish() -> None:
            for row, start, new in zip(rows, starts, new_tokens, strict=True):
                self.set_length(row, start + new)

        return CacheWindow(self.keys, self.values, [self._slots[row] for row in rows], starts, new_tokens, finish)

    def room_for_steps(self, slots: int) -> bool:
        """Whether the first `slots` slots exist, and each has a place for one more token."""
        if slots > self.slots and (self.most_rows(self.capacity) or slots) >= slots:
            self._fit(slots, self.capacity)
        return slots <= self.slots and all(
            self._lengths[row] < self.capacity for slot, row in self._owners.items() if slot < slots
        )

    def static_lengths(self, slots: int) -> list[int]:
        """How many tokens each of the first `slots` slots holds; 0 where no row is."""
        return [self._lengths.get(self._owners.get(slot, -1), 0) for slot in range(slots)]

    def slot_of(self, row: int) -> int:
        """The slot that a living row has now."""
        return self._slot(row)

    def set_length(self, row: int, length: int) -> None:
        """Say that `row` holds `length` tokens: used after a pass, and to take back the newest tokens of a row."""
        self._length(row)
        self._lengths[row] = length

    def _length(self, row: int) -> int:
        if row not in self._lengths:
            raise ValueError(f"row {row} does not live in this cache")
        return self._lengths[row]

    def _slot(self, row: int) -> int:
        self._length(row)
        return self._slots[row]

    def _exchange(self, slot: int, other: int) -> None:
        """Move the row in `slot` to `other`, and the one that is there, if any, to `slot`."""
        row, displaced = self._owners.pop(slot), self._owners.pop(other, None)
        length = max(self._lengths[row], 0 if displaced is None else self._lengths[displaced])
        for buffer in (*self.keys, *self.values):
            moving = buffer[slot, :, :length] if displaced is None else buffer[slot, :, :length].clone()
            if displaced is not None:
                buffer[slot, :, :length] = buffer[other, :, :length]
            buffer[other, :, :length] = moving
        self._slots[row], self._owners[other] = other, row
        if displaced is not None:
            self._slots[displaced], self._owners[slot] = slot, displaced

    def _fit(self, slots: int, capacity: int) -> None:
        """Make room for so many rows and tokens; more than that where memory allows, so that growing is seldom."""
        wanted = max(slots, _FIRST_SLOTS, 2 * self.slots if slots > self.slots else self.slots)
        roomy = self.capacity or min(_FIRST_CAPACITY, self.shape.context_length)
        while roomy < capacity:
            roomy = min(2 * roomy, self.shape.context_length)
        longest = max(capacity, *self._lengths.values(), 0)
        for some_slots, some_capacity in ((wanted, roomy), (slots, roomy), (wanted, longest), (slots, longest)):
            most = self.most_rows(some_capacity)
            if most is None or some_slots <= most:
                self._pack()
                self._resize(some_slots, some_capacity)
                return
        raise CacheFullError(
            f"the key-value cache would need {slots} rows of {longest} tokens, "
            f"{slots * longest * self.shape.token_bytes(self._dtype) / 2**30:.2f} GiB, and may take "
            f"{(self.most_bytes or 0) / 2**30:.2f} GiB: let fewer texts run at once, shorten them, "
            "or give the runner more memory (its option `memory`, in GiB)"
        )

    def _pack(self) -> None:
        """Move every row to the lowest slots."""
        for slot in sorted(self._owners):
            hole = next((hole for hole in range(slot) if hole not in self._owners), None)
            if hole is not None:
                self._exchange(slot, hole)

    def _resize(self, slots: int, capacity: int) -> None:
        for buffers in (self.keys, self.values):
            for layer, old in enumerate(buffers):
                new = self._buffer(slots, capacity)
                same, used = min(slots, old.shape[0]), min(capacity, old.shape[2])
                new[:same, :, :used] = old[:same, :, :used]
                buffers[layer] = new

    def _buffer(self, slots: int, capacity: int) -> torch.Tensor:
        # Zeros, not empty memory: a masked value has weight 0, and 0 times a stray NaN would be NaN.
        shape = (slots, self.shape.heads, capacity, self.shape.head_width)
        return torch.zeros(shape, dtype=self._dtype, device=self._device)
