"""What every running text has said so far, in one tensor that grows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from zaoju.contracts import History
from zaoju.generation.columns import whole_numbers

_FIRST_CAPACITY = 64
_MOST_GROUPS = 64
"""Of groups that were remembered and may never come again."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Slots that go on together: what of them stays the same while they do."""

    slots: torch.Tensor
    """[N] int64."""

    prompt_lengths: torch.Tensor
    """[N] int64."""


class TokenHistory:
    """The tokens of many texts, one slot each, without the token that only begins a text.

    Slots are given out by `add` and taken back by `remove`; a slot's tensor row is reused by a later text. The device
    counts along, so nothing is copied to it while the same texts go on.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._tokens = torch.zeros(0, _FIRST_CAPACITY, dtype=torch.int64, device=device)
        self._counts = torch.zeros(0, dtype=torch.int64, device=device)
        """How many tokens each slot holds: `_lengths`, on the device."""
        self._places = torch.arange(_FIRST_CAPACITY, device=device)
        self._lengths: list[int] = []
        self._prompt_lengths: list[int] = []
        self._free: list[int] = []
        self._groups: dict[tuple[int, ...], _Group] = {}

    @torch.inference_mode()
    def add(self, prompt: Sequence[int]) -> int:
        """A slot that holds `prompt`."""
        if not self._free:
            self._grow_slots()
        self._fit(len(prompt))
        slot = self._free.pop()
        if prompt:
            self._tokens[slot, : len(prompt)] = whole_numbers(prompt, self.device)
        self._note(slot, len(prompt), len(prompt))
        return slot

    @torch.inference_mode()
    def append(self, slots: Sequence[int], tokens: torch.Tensor) -> None:
        """Append `tokens` [N] int64, one to each of `slots`."""
        self._fit(max([self._lengths[slot] for slot in slots]) + 1)
        index = self._group(slots).slots
        places = self._counts.index_select(0, index)
        self._tokens.index_put_((index, places), tokens)
        self._counts.index_put_((index,), places + 1)
        for slot in slots:
            self._lengths[slot] += 1

    @torch.inference_mode()
    def fork(self, slot: int) -> int:
        """A new slot that holds what `slot` holds."""
        copy = self.add([])
        self._tokens[copy] = self._tokens[slot]
        self._note(copy, self._lengths[slot], self._prompt_lengths[slot])
        return copy

    def remove(self, slot: int) -> None:
        """Take a slot back."""
        self._free.append(slot)

    @torch.inference_mode()
    def of(self, slots: Sequence[int]) -> History:
        """The histories of `slots`, in their order."""
        group = self._group(slots)
        longest = max([self._lengths[slot] for slot in slots])
        counts = self._counts.index_select(0, group.slots)
        return History(
            tokens=self._tokens[:, :longest].index_select(0, group.slots),
            valid=self._places[:longest] < counts.unsqueeze(1),
            prompt_length=group.prompt_lengths,
        )

    def _group(self, slots: Sequence[int]) -> _Group:
        key = tuple(slots)
        known = self._groups.get(key)
        if known is None:
            if len(self._groups) >= _MOST_GROUPS:
                self._groups.clear()
            prompt_lengths = [self._prompt_lengths[slot] for slot in slots]
            known = _Group(whole_numbers(key, self.device), whole_numbers(prompt_lengths, self.device))
            self._groups[key] = known
        return known

    def _note(self, slot: int, length: int, prompt_length: int) -> None:
        self._lengths[slot] = length
        self._counts[slot] = length
        self._prompt_lengths[slot] = prompt_length
        # The text that had the slot before may have had a prompt of another length.
        self._groups.clear()

    def _grow_slots(self) -> None:
        count = len(self._lengths)
        more = max(1, count)
        self._tokens = torch.nn.functional.pad(self._tokens, (0, 0, 0, more))
        self._counts = torch.nn.functional.pad(self._counts, (0, more))
        self._lengths += [0] * more
        self._prompt_lengths += [0] * more
        self._free += range(count + more - 1, count - 1, -1)

    def _fit(self, length: int) -> None:
        capacity = self._tokens.shape[1]
        if length > capacity:
            new = max(length, 2 * capacity)
            self._tokens = torch.nn.functional.pad(self._tokens, (0, new - capacity))
            self._places = torch.arange(new, device=self.device)
