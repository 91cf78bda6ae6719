"""Prompts that begin alike are read once: few-shot prompts, a long instruction before every question, many samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Self, TypeVar

import torch

from zaoju.contracts import Options, Runner
from zaoju.errors import CacheFullError
from zaoju.generation.batching import LOGITS_PER_PASS, padded_batches
from zaoju.generation.row_lengths import RowLengths

T = TypeVar("T")

KEPT_ROWS = 4
"""How many rows of texts that have ended are kept, the last ones used."""

SHORTEST_SHARED = 16
"""Fewer tokens are read again sooner than they are copied."""


class SharedPrefixes(Runner):
    """Wraps a runner with the abilities `append` and `rewind`.

    A new row starts as a fork of the row whose prompt it shares most with, and only the rest of its prompt is read. A
    dropped row is kept at its prompt, until `kept_rows` others were dropped after it or memory is wanted. What is
    computed is the same; it rounds as a prompt that is read in two pieces does.
    """

    def __init__(self, runner: Runner, *, kept_rows: int = KEPT_ROWS) -> None:
        if not {"append", "rewind"} <= runner.abilities:
            raise ValueError("only a runner with the abilities `append` and `rewind` can share prefixes")
        self.inner = runner
        self.vocabulary_size = runner.vocabulary_size
        self.context_length = runner.context_length
        self.abilities = runner.abilities
        self.tokens_per_pass = runner.tokens_per_pass
        self._kept_rows = kept_rows
        self._prompts: dict[int, list[int]] = {}
        """What each row begins with, of the living and the kept ones."""
        self._growing: dict[int, int] = {}
        """The rows that have begun to write, and how many tokens each has beyond its prompt."""
        self._kept: dict[int, None] = {}
        """Rows that were dropped, the one that was used last at the end."""
        self._lengths = RowLengths(runner.context_length)
        """The rows that the caller has; a kept row is none of them."""
        self._unshared: set[int] = set()
        """Rows that keep hidden states: those of a shared beginning are not there."""

    @classmethod
    def open(cls, folder: Path, *, device: str = "auto", options: Options | None = None) -> Self:
        raise NotImplementedError("open the runner that is to be wrapped")

    def row_bytes(self, length: int) -> int | None:
        return self.inner.row_bytes(length)

    def most_rows(self, length: int) -> int | None:
        return self.inner.most_rows(length)

    def known(self, prompt: Sequence[int]) -> int:
        return self._source(prompt)[1]

    def prefill(self, prompts: Sequence[Sequence[int]], *, keep_hidden: bool = False) -> tuple[list[int], torch.Tensor]:
        self._lengths.check_prompts(prompts)
        if keep_hidden:
            rows, logits = self._with_room(partial(self.inner.prefill, prompts, keep_hidden=True))
            self._unshared.update(rows)
            self._lengths.begin(rows, prompts)
            return rows, logits
        begun: dict[int, int] = {}
        given: dict[int, torch.Tensor] = {}
        try:
            # First those that begin as nothing before them does; the others can then go on from them.
            later = list(_alike(prompts))
            first = [number for number in range(len(prompts)) if number not in set(later)]
            for some in (first, later):
                self._start([(number, prompts[number]) for number in some], begun, given)
        except BaseException:
            self._end(list(begun.values()))
            raise
        rows = [begun[number] for number in range(len(prompts))]
        self._lengths.begin(rows, prompts)
        return rows, torch.stack([given[number] for number in range(len(prompts))])

    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> torch.Tensor:
        self._lengths.check_room(rows, [1] * len(rows))
        logits = self._with_room(partial(self.inner.step, rows, tokens))
        self._lengths.grow(rows, [1] * len(rows))
        for row in rows:
            self._growing[row] = self._growing.get(row, 0) + 1
        return logits

    def append(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> torch.Tensor:
        self._lengths.check_room(rows, map(len, tokens))
        logits = self._with_room(partial(self.inner.append, rows, tokens))
        self._lengths.grow(rows, map(len, tokens))
        for row, new in zip(rows, tokens, strict=True):
            if row in self._growing or row not in self._prompts:
                self._growing[row] = self._growing.get(row, 0) + len(new)
            else:
                self._prompts[row] += new
        return logits

    def extend(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        self._lengths.check_room(rows, map(len, tokens))
        logits = self._with_room(partial(self.inner.extend, rows, tokens))
        self._lengths.grow(rows, map(len, tokens))
        for row, new in zip(rows, tokens, strict=True):
            self._growing[row] = self._growing.get(row, 0) + len(new)
        return logits

    def rewind(self, rows: Sequence[int], counts: Sequence[int]) -> None:
        self.inner.rewind(rows, counts)
        self._lengths.grow(rows, [-count for count in counts])
        for row, count in zip(rows, counts, strict=True):
            written = self._growing.get(row, 0)
            self._growing[row] = max(0, written - count)
            if count > written and row in self._prompts:
                del self._prompts[row][written - count :]

    def fork(self, row: int) -> int:
        self._lengths.of(row)  # refuses a row that has ended
        copy = self._with_room(partial(self.inner.fork, row))
        self._lengths.fork(row, copy)
        # The copy is no better to go on from than its origin, so only the origin is remembered by its prompt.
        if row in self._unshared:
            self._unshared.add(copy)
        return copy

    def hidden(self, row: int) -> torch.Tensor:
        return self.inner.hidden(row)

    def drop(self, rows: Sequence[int]) -> None:
        self._lengths.end(rows)
        ended = []
        for row in rows:
            prompt = self._prompts.get(row, [])
            if len(prompt) < SHORTEST_SHARED or not self._kept_rows:
                ended.append(row)
                continue
            if written := self._growing.pop(row, 0):
                self.inner.rewind([row], [written])
            self._kept[row] = None
        while len(self._kept) > self._kept_rows:
            oldest = next(iter(self._kept))
            del self._kept[oldest]
            ended.append(oldest)
        self._end(ended)

    @torch.inference_mode()
    def score(self, sequences: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        scores: list[torch.Tensor] = [torch.empty(0)] * len(sequences)
        alone: list[int] = []
        for group, shared in _groups(sequences):
            if shared < SHORTEST_SHARED or len(group) == 1:
                alone += group
                continue
            for number, score in zip(
                group, self._score_alike([sequences[number] for number in group], shared), strict=True
            ):
                scores[number] = score
        if alone:
            given = self._with_room(partial(self.inner.score, [sequences[number] for number in alone]))
            for number, score in zip(alone, given, strict=True):
                scores[number] = score
        return scores

    def _score_alike(self, sequences: Sequence[Sequence[int]], shared: int) -> Iterator[torch.Tensor]:
        """The scores of sequences that all begin with the same `shared` tokens, which are read once."""
        most = max(1, LOGITS_PER_PASS // self.vocabulary_size)
        prefix = sequences[0][:shared]
        [row], after = self._with_room(partial(self.inner.prefill, [prefix[:1]]))
        forks: list[int] = []
        try:
            parts = []
            for start in range(1, shared, most):
                piece = prefix[start : start + most]
                [more] = self._with_room(partial(self.inner.extend, [row], [piece]))
                parts.append(_chosen(torch.cat([after, more[:-1]]), piece))
                after = more[-1:]
            scores: dict[int, torch.Tensor] = {}
            beginning = torch.cat(parts) if parts else after.new_empty(0)
            # What follows the last token of a sequence is not asked for, so that token is not read.
            tails = [sequence[shared:] for sequence in sequences]
            for group in padded_batches([len(tail) for tail in tails], most):
                reading = [number for number in group if len(tails[number]) > 1]
                forks = [self._with_room(partial(self.inner.fork, row)) for _ in reading]
                read = [tails[number][:-1] for number in reading]
                given = self._with_room(partial(self.inner.extend, forks, read)) if reading else []
                logits = dict(zip(reading, given, strict=True))
                for number in group:
                    tail = tails[number]
                    places = torch.cat([after, logits[number]]) if number in logits else after
                    scores[number] = torch.cat([beginning, _chosen(places[: len(tail)], tail)])
                self.inner.drop(forks)
                forks = []
        finally:
            self.inner.drop([row, *forks])
        yield from (scores[number] for number in range(len(sequences)))

    def _start(
        self, some: Sequence[tuple[int, Sequence[int]]], begun: dict[int, int], given: dict[int, torch.Tensor]
    ) -> None:
        """Start a row for each of `some`, by its number: from a row that begins alike, or from nothing."""
        fresh, forked, rests = [], [], []
        for number, prompt in some:
            source, shared = self._source(prompt)
            if source is None:
                fresh.append((number, prompt))
                continue
            row = self._copy(source)
            begun[number] = row
            surplus = len(self._prompts[source]) + self._growing.get(source, 0) - shared
            if surplus:
                self.inner.rewind([row], [surplus])
            forked.append((number, row, prompt))
            rests.append(list(prompt[shared:]))
        if forked:
            logits = self._with_room(partial(self.inner.append, [row for _, row, _ in forked], rests))
            for (number, row, prompt), one in zip(forked, logits, strict=True):
                given[number] = one
                self._prompts[row] = list(prompt)
        if fresh:
            rows, logits = self._with_room(partial(self.inner.prefill, [prompt for _, prompt in fresh]))
            for (number, prompt), row, one in zip(fresh, rows, logits, strict=True):
                begun[number], given[number] = row, one
                self._prompts[row] = list(prompt)

    def _source(self, prompt: Sequence[int]) -> tuple[int | None, int]:
        """The row that shares most with `prompt`, and how many tokens; its last token is always read anew."""
        best, longest = None, SHORTEST_SHARED - 1
        beginning = list(prompt[:SHORTEST_SHARED])
        for row, known in self._prompts.items():
            if len(known) > longest and known[:SHORTEST_SHARED] == beginning:
                shared = min(_common(known, prompt), len(prompt) - 1)
                if shared > longest:
                    best, longest = row, shared
        return (best, longest) if best is not None else (None, 0)

    def _copy(self, source: int) -> int:
        """A fork of a row that lives or is kept."""
        if source not in self._kept:
            return self._with_room(partial(self.inner.fork, source))
        del self._kept[source]  # so that it is not let go to make room for its copy
        try:
            return self._with_room(partial(self.inner.fork, source))
        finally:
            self._kept[source] = None

    def _with_room(self, do: Callable[[], T]) -> T:
        """What `do` gives; where memory is short, after the rows that are only kept have been let go."""
        try:
            return do()
        except CacheFullError:
            kept = list(self._kept)
            if not kept:
                raise
            self._kept.clear()
            self._end(kept)
            return do()

    def _end(self, rows: Sequence[int]) -> None:
        for row in rows:
            self._prompts.pop(row, None)
            self._growing.pop(row, None)
            self._unshared.discard(row)
        self.inner.drop(rows)


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two texts begin with alike."""
    if list(one[: len(other)]) == list(other[: len(one)]):
        return min(len(one), len(other))
    return next(place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)


def _alike(prompts: Sequence[Sequence[int]]) -> Iterator[int]:
    """The numbers of the prompts that begin as an earlier one does."""
    seen = set()
    for number, prompt in enumerate(prompts):
        beginning = tuple(prompt[:SHORTEST_SHARED])
        if len(prompt) > SHORTEST_SHARED and beginning in seen:
            yield number
        seen.add(beginning)


def _groups(sequences: Sequence[Sequence[int]]) -> Iterator[tuple[list[int], int]]:
    """Numbers of sequences that begin alike, and how many tokens all of them share; every sequence once.

    At least one token of each is left beyond what is shared. Neighbours in the order of the alphabet share most.
    """
    group: list[int] = []
    shared = 0
    for number in sorted(range(len(sequences)), key=lambda number: list(sequences[number])):
        sequence = sequences[number]
        common = min(_common(sequences[group[0]][:shared], sequence), len(sequence) - 1) if group else 0
        # Where far less is shared than before, another group begins, lest one odd sequence spoil all.
        if group and common >= SHORTEST_SHARED and 2 * common >= shared:
            group.append(number)
            shared = common
            continue
        if group:
            yield group, shared
        group, shared = [number], len(sequence) - 1
    if group:
        yield group, shared


def _chosen(logits: torch.Tensor, tokens: Sequence[int]) -> torch.Tensor:
    """[N] float32: the natural log-probability of each of `tokens` after `logits` [N, V]."""
    index = torch.tensor(tokens, device=logits.device)
    return -torch.nn.functional.cross_entropy(logits.float(), index, reduction="none")
