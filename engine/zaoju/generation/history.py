"""What every running text has said so far: on the host, and on the device for who looks at it there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch

from zaoju.contracts import History
from zaoju.generation.columns import upload, whole_numbers

_FIRST_CAPACITY = 64


class UnreadHistory(History):
    """A history that is put together when something of it is first looked at: most chains never do."""

    __slots__ = ("_made",)

    _made: History | Callable[[], History]

    def __new__(cls, make: Callable[[], History] | None = None, **fields: torch.Tensor) -> History:  # type: ignore[misc]  # see below
        # `dataclasses.replace` makes another from all fields, and that is a plain one.
        return super().__new__(cls) if make is not None else History(**fields)

    def __init__(self, make: Callable[[], History]) -> None:
        object.__setattr__(self, "_made", make)

    @property
    def was_read(self) -> bool:
        """Whether anything was looked at."""
        return isinstance(self._made, History)

    @property
    def tokens(self) -> torch.Tensor:
        return self._read().tokens

    @property
    def valid(self) -> torch.Tensor:
        return self._read().valid

    @property
    def prompt_length(self) -> torch.Tensor:
        return self._read().prompt_length

    def _read(self) -> History:
        made = self._made
        if not isinstance(made, History):
            made = made()
            object.__setattr__(self, "_made", made)
        return made


class TokenHistory:
    """The tokens of many texts, one slot each, without the token that only begins a text.

    Slots are given out by `add` and taken back by `remove`. What is said goes to a tensor that grows, when a history is
    looked at, and only what is not there yet.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._said: list[list[int]] = []
        self._prompt_lengths: list[int] = []
        self._free: list[int] = []
        self._tokens = torch.zeros(0, _FIRST_CAPACITY, dtype=torch.int64, device=device)
        self._written: list[int] = []
        """For each slot how many of its tokens are in its row of the tensor."""

    def add(self, prompt: Sequence[int]) -> int:
        """A slot that holds `prompt`."""
        if not self._free:
            self._free.append(len(self._said))
            self._said.append([])
            self._prompt_lengths.append(0)
            self._written.append(0)
        slot = self._free.pop()
        self._said[slot] = list(prompt)
        self._prompt_lengths[slot] = len(prompt)
        self._written[slot] = 0
        return slot

    def append(self, slots: Sequence[int], tokens: Sequence[int]) -> None:
        """Append `tokens`, one to each of `slots`."""
        for slot, token in zip(slots, tokens, strict=True):
            self._said[slot].append(token)

    @torch.inference_mode()
    def fork(self, slot: int) -> int:
        """A new slot that holds what `slot` holds."""
        copy = self.add(self._said[slot])
        self._prompt_lengths[copy] = self._prompt_lengths[slot]
        if self._written[slot]:
            self._fit(len(self._said), 0)
            self._tokens[copy] = self._tokens[slot]
            self._written[copy] = self._written[slot]
        return copy

    def remove(self, slot: int) -> None:
        """Take a slot back."""
        self._free.append(slot)

    def of(self, slots: Sequence[int]) -> History:
        """The histories of `slots`, in their order, as they are now; good until a slot is taken back."""
        return UnreadHistory(partial(self._read, list(slots), [len(self._said[slot]) for slot in slots]))

    @torch.inference_mode()
    def _read(self, slots: Sequence[int], lengths: Sequence[int]) -> History:
        longest = max(lengths)
        self._fit(len(self._said), longest)
        self._write(slots)
        index = whole_numbers(slots, self.device)
        places = torch.arange(longest, device=self.device)
        return History(
            tokens=self._tokens[:, :longest].index_select(0, index),
            valid=places < whole_numbers(lengths, self.device).unsqueeze(1),
            prompt_length=whole_numbers([self._prompt_lengths[slot] for slot in slots], self.device),
        )

    def _write(self, slots: Sequence[int]) -> None:
        """Bring what `slots` said to the device."""
        rows, places, tokens = list[int](), list[int](), list[int]()
        for slot in slots:
            said, start = self._said[slot], self._written[slot]
            new = len(said) - start
            if new:
                rows += [slot] * new
                places += range(start, len(said))
                tokens += said[start:]
                self._written[slot] = len(said)
        if rows:
            self._fit(len(self._said), max(places) + 1)
            new_rows, new_places, new_tokens = upload(np.array([rows, places, tokens], dtype=np.int64), self.device)
            self._tokens.index_put_((new_rows, new_places), new_tokens)

    def _fit(self, slots: int, length: int) -> None:
        """Make room; twice as much as there was, so that it is rarely done."""
        rows, capacity = self._tokens.shape
        more_rows = 0 if slots <= rows else max(slots, 2 * rows) - rows
        more = 0 if length <= capacity else max(length, 2 * capacity) - capacity
        if more_rows or more:
            self._tokens = torch.nn.functional.pad(self._tokens, (0, more, 0, more_rows))
