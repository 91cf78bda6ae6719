"""The runner: every row is a list of tokens, and its logits are the logarithms of the model's probabilities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path
from typing import Self

import numpy as np
import torch

from zaoju import ArtefactError, Options, Runner
from zaoju.contracts import Ability
from zaoju.files import read_json_object
from zaoju_ngram.model import NgramModel
from zaoju_ngram.trainer import CONTEXT


class NgramRunner(Runner):
    """Looks each row's next token up. It computes on the CPU, whatever device is asked for."""

    abilities: frozenset[Ability] = frozenset({"append", "rewind"})

    def __init__(self, model: NgramModel, context_length: int) -> None:
        self._model = model
        self.vocabulary_size = model.vocabulary_size
        self.context_length = context_length
        self._rows: dict[int, list[int]] = {}
        self._handles = count()

    @classmethod
    def open(cls, folder: Path, *, device: str = "auto", options: Options | None = None) -> Self:
        """Read what the trainer `ngram` has left in `folder`. Raises `ArtefactError` where it has not."""
        model = NgramModel.load(folder)
        described = (read_json_object(folder / "zaoju.json") or {}).get(CONTEXT)
        if type(described) is not int or described < 1:
            raise ArtefactError(
                f"{folder / 'zaoju.json'} does not say how long a text may be ({CONTEXT!r} is {described!r}): "
                "train the model again"
            )
        return cls(model, described)

    def prefill(self, prompts: Sequence[Sequence[int]], *, keep_hidden: bool = False) -> tuple[list[int], torch.Tensor]:
        """`Runner.prefill`."""
        for prompt in prompts:
            if not 0 < len(prompt) <= self.context_length:
                raise ValueError(f"a row holds 1 to {self.context_length} tokens, not {len(prompt)}")
        rows = [next(self._handles) for _ in prompts]
        self._rows.update((row, list(prompt)) for row, prompt in zip(rows, prompts, strict=True))
        return rows, self._logits(self._rows[row] for row in rows)

    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> torch.Tensor:
        """`Runner.step`."""
        return self.append(rows, [[token] for token in tokens])

    def append(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> torch.Tensor:
        """`Runner.append`."""
        self._check_room(rows, tokens)
        for row, new in zip(rows, tokens, strict=True):
            self._rows[row].extend(new)
        return self._logits(self._rows[row] for row in rows)

    def extend(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        """`Runner.extend`."""
        self._check_room(rows, tokens)
        found = []
        for row, new in zip(rows, tokens, strict=True):
            past = self._rows[row]
            before = len(past)
            past.extend(new)
            found.append(self._logits(past[:end] for end in range(before + 1, len(past) + 1)))
        return found

    def rewind(self, rows: Sequence[int], counts: Sequence[int]) -> None:
        """`Runner.rewind`."""
        for row, taken in zip(rows, counts, strict=True):
            past = self._rows[row]
            del past[len(past) - taken :]

    def fork(self, row: int) -> int:
        """`Runner.fork`."""
        copy = next(self._handles)
        self._rows[copy] = list(self._living(row))
        return copy

    def drop(self, rows: Sequence[int]) -> None:
        """`Runner.drop`."""
        for row in rows:
            self._living(row)
            del self._rows[row]

    def score(self, sequences: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        """`Runner.score`."""
        return [torch.from_numpy(self._model.score(sequence)).float() for sequence in sequences]

    def _logits(self, pasts: Iterable[Sequence[int]]) -> torch.Tensor:
        order = self._model.order
        found = [self._model.log_probabilities(past[-order:]) for past in pasts]
        return torch.from_numpy(np.stack(found)).float()

    def _check_room(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> None:
        if len(set(rows)) < len(rows):
            raise ValueError(f"a row stands twice in {list(rows)}")
        for row, new in zip(rows, tokens, strict=True):
            length = len(self._living(row))
            if length + len(new) > self.context_length:
                raise ValueError(f"row {row} has {length} tokens, and the context is {self.context_length}")

    def _living(self, row: int) -> list[int]:
        if row not in self._rows:
            raise ValueError(f"row {row} does not live in this runner")
        return self._rows[row]
