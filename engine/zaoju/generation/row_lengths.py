"""Which rows live in a runner, and how many tokens each holds, so that what cannot be is refused before it is begun."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class RowLengths:
    """The lengths of the living rows of a runner whose rows hold at most `context_length` tokens."""

    def __init__(self, context_length: int) -> None:
        self._context_length = context_length
        self._lengths: dict[int, int] = {}

    def check_prompts(self, prompts: Iterable[Sequence[int]]) -> None:
        """Raises `ValueError` for a prompt that no row can hold."""
        for prompt in prompts:
            if not 0 < len(prompt) <= self._context_length:
                raise ValueError(
                    f"a row cannot begin with {len(prompt)} tokens: 1 to {self._context_length} are possible"
                )

    def check_room(self, rows: Sequence[int], counts: Iterable[int]) -> None:
        """Raises `ValueError` where one of `rows` does not live, comes twice, or has no room for so many tokens."""
        if len(set(rows)) < len(rows):
            raise ValueError(f"a row stands twice in {list(rows)}")
        for row, count in zip(rows, counts, strict=True):
            length = self.of(row)
            if length + count > self._context_length:
                raise ValueError(
                    f"row {row} has {length} tokens and cannot take {count} more: it holds {self._context_length}"
                )

    def of(self, row: int) -> int:
        """How many tokens a row holds. Raises `ValueError` where it does not live."""
        if row not in self._lengths:
            raise ValueError(f"row {row} does not live in this runner")
        return self._lengths[row]

    def begin(self, rows: Iterable[int], prompts: Iterable[Sequence[int]]) -> None:
        """Rows that hold their prompts now."""
        self._lengths.update((row, len(prompt)) for row, prompt in zip(rows, prompts, strict=True))

    def grow(self, rows: Iterable[int], counts: Iterable[int]) -> None:
        """Rows that hold so many tokens more; fewer where a count is negative."""
        for row, count in zip(rows, counts, strict=True):
            self._lengths[row] += count

    def fork(self, row: int, copy: int) -> None:
        """`copy` holds what `row` does."""
        self._lengths[copy] = self.of(row)

    def end(self, rows: Iterable[int]) -> None:
        """Rows that do not live any more."""
        for row in rows:
            del self._lengths[row]
