"""What every running text has said so far, in one tensor that grows."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from zaoju.contracts import History

_FIRST_CAPACITY = 64


class TokenHistory:
    """The tokens of many texts, one slot each, without the token that only begins a text.

    Slots are given out by `add` and taken back by `remove`; a slot's tensor row is reused by a later text.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._tokens = torch.zeros(0, _FIRST_CAPACITY, dtype=torch.int64, device=device)
        self._lengths: list[int] = []
        self._prompt_lengths: list[int] = []
        self._free: list[int] = []

    @torch.inference_mode()
    def add(self, prompt: Sequence[int]) -> int:
        """A slot that holds `prompt`."""
        if not self._free:
            self._grow_slots()
        slot = self._free.pop()
        self._fit(len(prompt))
        self._tokens[slot, : len(prompt)] = torch.tensor(prompt, dtype=torch.int64, device=self.device)
        self._lengths[slot] = self._prompt_lengths[slot] = len(prompt)
        return slot

    @torch.inference_mode()
    def append(self, slots: Sequence[int], tokens: torch.Tensor) -> None:
        """Append `tokens` [N] int64, one to each of `slots`."""
        lengths = [self._lengths[slot] for slot in slots]
        self._fit(max(lengths) + 1)
        self._tokens[self._index(slots), self._index(lengths)] = tokens
        for slot in slots:
            self._lengths[slot] += 1

    @torch.inference_mode()
    def fork(self, slot: int) -> int:
        """A new slot that holds what `slot` holds."""
        copy = self.add([])
        self._tokens[copy] = self._tokens[slot]
        self._lengths[copy], self._prompt_lengths[copy] = self._lengths[slot], self._prompt_lengths[slot]
        return copy

    def remove(self, slot: int) -> None:
        """Take a slot back."""
        self._free.append(slot)

    @torch.inference_mode()
    def of(self, slots: Sequence[int]) -> History:
        """The histories of `slots`, in their order."""
        lengths = [self._lengths[slot] for slot in slots]
        longest = max(lengths)
        positions = torch.arange(longest, device=self.device)
        return History(
            tokens=self._tokens[:, :longest].index_select(0, self._index(slots)),
            valid=positions.unsqueeze(0) < self._index(lengths).unsqueeze(1),
            prompt_length=self._index([self._prompt_lengths[slot] for slot in slots]),
        )

    def _index(self, numbers: Sequence[int]) -> torch.Tensor:
        return torch.tensor(numbers, dtype=torch.int64, device=self.device)

    def _grow_slots(self) -> None:
        count = len(self._lengths)
        more = max(1, count)
        self._tokens = torch.nn.functional.pad(self._tokens, (0, 0, 0, more))
        self._lengths += [0] * more
        self._prompt_lengths += [0] * more
        self._free += range(count + more - 1, count - 1, -1)

    def _fit(self, length: int) -> None:
        capacity = self._tokens.shape[1]
        if length > capacity:
            self._tokens = torch.nn.functional.pad(self._tokens, (0, max(length, 2 * capacity) - capacity))
