"""The runner over llama.cpp: rows are sequences of one context, which share its cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Self

import torch

from zaoju import ArtefactError, Options, Runner
from zaoju.contracts import Ability
from zaoju.errors import CacheFullError
from zaoju_llamacpp.model_file import check_vocabulary, model_file
from zaoju_llamacpp.native import TOKENS_PER_PASS, NativeContext, NativeModel, NoRoomError, Settings
from zaoju_llamacpp.options import MOST_ROWS, LlamaCppOptions

_FIRST = 0
"""A token that every vocabulary has."""


@dataclass(slots=True)
class _Row:
    sequence: int
    length: int = 0
    hidden: list[torch.Tensor] | None = None
    """The last hidden states of the row's tokens, in pieces; None where nobody asked for them."""


class LlamaCppRunner(Runner):
    """Runs a GGUF file, or a folder of safetensors that it converts to one first.

    Rows of any length share a pass, join and leave at any step; a fork takes no memory until it goes on. The logits are
    llama.cpp's own: for a Llama or a Qwen in 32 bits those of transformers but for rounding, for a GPT-2 a little
    further off, since llama.cpp looks its GELU up in a table of 16 bits.
    """

    tokens_per_pass = TOKENS_PER_PASS

    def __init__(self, model: NativeModel, settings: Settings) -> None:
        self._model = model
        self._context = NativeContext(model, settings)
        self.vocabulary_size = model.vocabulary_size
        self.context_length = min(model.trained_context, self._context.cells)
        self._rows: dict[int, _Row] = {}
        self._free = list(range(self._context.rows))
        self._handles = count()
        self.abilities: frozenset[Ability] = frozenset(self._tried_abilities())

    @classmethod
    def open(cls, folder: Path, *, device: str = "auto", options: Options | None = None) -> Self:
        """Read the GGUF file in `folder`, or convert the folder, as the options say.

        Raises `ArtefactError` where there is no such file or more than one, or llama.cpp cannot run it.
        """
        chosen = options if isinstance(options, LlamaCppOptions) else LlamaCppOptions()
        _check_device(device, chosen.gpu_layers)
        settings = Settings(threads=chosen.threads or torch.get_num_threads(), rows=chosen.rows, cells=chosen.context)
        with model_file(folder, chosen) as file:
            model = NativeModel(file.path, gpu_layers=chosen.gpu_layers, mapped=not file.temporary, amx=chosen.amx)
            if not file.converted:
                check_vocabulary(folder, model)
            return cls(model, settings)

    def row_bytes(self, length: int) -> int | None:
        # llama.cpp does not say how large a state is.
        return None if self._model.keeps_states else length * self._model.cell_bytes

    def most_rows(self, length: int) -> int:
        cells = self._context.cells if self._model.cell_bytes else self._context.rows * length
        return min(self._context.rows, cells // max(1, length))

    def prefill(self, prompts: Sequence[Sequence[int]], *, keep_hidden: bool = False) -> tuple[list[int], torch.Tensor]:
        rows = self._begin(len(prompts), keep_hidden=keep_hidden)
        try:
            return rows, self._feed(rows, prompts)
        except BaseException:
            self.drop(rows)
            raise

    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> torch.Tensor:
        return self._feed(rows, [[token] for token in tokens])

    def append(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> torch.Tensor:
        return self._feed(rows, tokens)

    def extend(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        return list(torch.split(self._feed(rows, tokens, every=True), [len(new) for new in tokens]))

    def rewind(self, rows: Sequence[int], counts: Sequence[int]) -> None:
        for row, number in zip(map(self._rows.__getitem__, rows), counts, strict=True):
            if number == 0:
                continue
            row.length -= number
            if not self._context.forget(row.sequence, row.length):
                raise RuntimeError("llama.cpp took no tokens back, which it did when the model was opened")
            if row.hidden is not None:
                row.hidden = [torch.cat(row.hidden)[: row.length]]

    def fork(self, row: int) -> int:
        origin = self._rows[row]
        [copy] = self._begin(1)
        twin = self._rows[copy]
        self._context.copy(origin.sequence, twin.sequence)
        twin.length = origin.length
        twin.hidden = None if origin.hidden is None else list(origin.hidden)
        return copy

    def drop(self, rows: Sequence[int]) -> None:
        for row in rows:
            sequence = self._rows.pop(row).sequence
            self._context.forget(sequence)
            self._free.append(sequence)

    def hidden(self, row: int) -> torch.Tensor:
        kept = self._rows[row].hidden
        if kept is None:
            raise ValueError(f"row {row} keeps no hidden states: prefill(keep_hidden=True) asks for them")
        return torch.cat(kept)

    def score(self, sequences: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        scores: list[torch.Tensor] = []
        for group in self._groups(sequences):
            rows = self._begin(len(group))
            try:
                scores += self._scored(rows, group)
            finally:
                self.drop(rows)
        return scores

    def _groups(self, sequences: Sequence[Sequence[int]]) -> Iterator[list[Sequence[int]]]:
        """Sequences that are read together: as many as one pass takes, and as there are free rows for."""
        group: list[Sequence[int]] = []
        for sequence in sequences:
            tokens = sum(len(other) - 1 for other in group) + len(sequence) - 1
            if group and (tokens > TOKENS_PER_PASS or len(group) == len(self._free)):
                yield group
                group = []
            group.append(sequence)
        if group:
            yield group

    def _scored(self, rows: Sequence[int], group: Sequence[Sequence[int]]) -> Iterator[torch.Tensor]:
        """The scores of sequences; one that is longer than a pass stands alone, and is read in pieces."""
        parts: list[list[torch.Tensor]] = [[] for _ in group]
        for start in range(0, max(len(sequence) - 1 for sequence in group), TOKENS_PER_PASS):
            pieces = [sequence[start : start + TOKENS_PER_PASS + 1] for sequence in group]
            logits = self._feed(rows, [piece[:-1] for piece in pieces], every=True)
            for part, piece, given in zip(
                parts, pieces, torch.split(logits, [len(piece) - 1 for piece in pieces]), strict=True
            ):
                surprise = torch.nn.functional.cross_entropy(given, torch.tensor(piece[1:]), reduction="none")
                part.append(-surprise)
        return (torch.cat(part) for part in parts)

    def _begin(self, number: int, *, keep_hidden: bool = False) -> list[int]:
        """Handles of new, empty rows; a handle is never used again."""
        if number > len(self._free):
            raise CacheFullError(
                f"llama.cpp would need {len(self._rows) + number} rows at once, and the runner has "
                f"{self._context.rows}: let fewer texts run at once, or give it more with runner.rows "
                f"(at most {MOST_ROWS})"
            )
        handles = [next(self._handles) for _ in range(number)]
        for handle in handles:
            self._rows[handle] = _Row(self._free.pop(), hidden=[] if keep_hidden else None)
        return handles

    def _feed(self, handles: Sequence[int], new: Sequence[Sequence[int]], *, every: bool = False) -> torch.Tensor:
        """Append tokens: the logits [N, V] after the last of each row's, or with `every` after each one of them."""
        rows = [self._rows[handle] for handle in handles]
        self._check(handles, rows, new)
        keeps_hidden = any(row.hidden is not None for row in rows)
        self._context.give_hidden(keeps_hidden)
        try:
            logits = self._context.decode(
                [row.sequence for row in rows], [row.length for row in rows], new, every=every
            )
        except NoRoomError:
            raise self._full(sum(map(len, new))) from None
        except BaseException:
            # What was computed of it goes, so that every row is as it was.
            for row in rows:
                self._context.forget(row.sequence, row.length)
            raise
        lengths = [len(tokens) for tokens in new]
        if keeps_hidden:
            for row, states in zip(rows, torch.split(self._context.hidden(sum(lengths)), lengths), strict=True):
                if row.hidden is not None:
                    row.hidden.append(states)
        for row, length in zip(rows, lengths, strict=True):
            row.length += length
        return logits

    def _check(self, handles: Sequence[int], rows: Sequence[_Row], new: Sequence[Sequence[int]]) -> None:
        """Refuse what llama.cpp would answer by ending the process, or by wrong logits."""
        if len(set(handles)) != len(handles) or len(handles) != len(new) or not handles or not all(new):
            raise ValueError(
                f"each row stands once in a call and brings at least one token, got {len(handles)} rows, "
                f"{len(set(handles))} of them different, and {len(new)} lists of tokens"
            )
        longest = max(row.length + len(tokens) for row, tokens in zip(rows, new, strict=True))
        if longest > self.context_length:
            raise ValueError(f"a row would have {longest} tokens, and the context is {self.context_length}")

    def _full(self, wanted: int) -> CacheFullError:
        held = sum(row.length for row in self._rows.values())
        return CacheFullError(
            f"llama.cpp has {self._context.cells} cells for the tokens of all rows, and {wanted} more do not fit "
            f"beside the {held} that {len(self._rows)} rows hold (forks share theirs): let fewer texts run at once, "
            "shorten them, or give the runner more with runner.context"
        )

    def _tried_abilities(self) -> Iterator[Ability]:
        """What this model can do: tried out on a row of two tokens."""
        yield "append"
        [row], _ = self.prefill([[_FIRST, _FIRST]], keep_hidden=True)
        sequence = self._rows[row].sequence
        if bool(self._rows[row].hidden):
            yield "hidden"
        # Tokens that no later one sees any more may be written over, and would be missing after a rewind.
        windowed = 0 < self._model.window < self.context_length
        if self._context.forget(sequence, 1) and not windowed:
            yield "rewind"
        self.drop([row])


def _check_device(device: str, gpu_layers: int) -> None:
    if device == "cpu" and gpu_layers:
        raise ArtefactError(f"device cpu and gpu_layers {gpu_layers} do not go together: leave one of them out")
    if device not in ("auto", "cpu") and not gpu_layers:
        raise ArtefactError(
            f"llama.cpp computes on device {device} only the layers that it is told to: say how many with "
            "runner.gpu_layers, or leave the device out"
        )
