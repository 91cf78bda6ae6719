"""The last hidden states of the rows that were asked to keep them."""

from __future__ import annotations

from collections.abc import Sequence

import torch


class KeptHidden:
    """For some rows of a runner, [length, width] float32. Rows that never started are passed over."""

    def __init__(self) -> None:
        self._parts: dict[int, list[torch.Tensor]] = {}

    def start(self, rows: Sequence[int]) -> None:
        """From now on these rows are kept."""
        self._parts.update((row, []) for row in rows)

    def append(
        self, rows: Sequence[int], states: Sequence[torch.Tensor] | torch.Tensor, lengths: Sequence[int]
    ) -> None:
        """The first `lengths[i]` of `states[i]` [at least that, width] follow in row `rows[i]`."""
        if not self._parts:
            return
        for row, new, length in zip(rows, states, lengths, strict=True):
            if row in self._parts:
                self._parts[row].append(new[:length].float())

    def fork(self, row: int, copy: int) -> None:
        """`copy` has the same past as `row`; the tensors are shared, since none is ever written to."""
        if row in self._parts:
            self._parts[copy] = list(self._parts[row])

    def any_of(self, rows: Sequence[int]) -> bool:
        """Whether one of `rows` is kept."""
        return any(row in self._parts for row in rows)

    def rewind(self, row: int, length: int) -> None:
        """Keep the first `length` states of `row`; where `length` is negative, all but the last so many."""
        if row in self._parts:
            self._parts[row] = [self.of(row)[:length]]

    def drop(self, rows: Sequence[int]) -> None:
        """Forget rows."""
        for row in rows:
            self._parts.pop(row, None)

    def of(self, row: int) -> torch.Tensor:
        """What is kept of `row`, in one piece."""
        parts = self._parts[row]
        if len(parts) > 1:
            parts[:] = [torch.cat(parts)]
        return parts[0]
