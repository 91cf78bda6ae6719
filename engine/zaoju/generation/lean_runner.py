"""The runner over the engine's own modules and their cache of slots."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import torch

from zaoju.contracts import Ability, Options, Runner
from zaoju.errors import ArtefactError, UserError
from zaoju.generation.batching import LOGITS_PER_PASS, padded_batches, right_padded, score_sequences
from zaoju.generation.captured_steps import CapturedSteps, cuda_graph
from zaoju.generation.kept_hidden import KeptHidden
from zaoju.generation.lean_options import LeanRunnerOptions
from zaoju.models import LeanLM, choose_device, free_memory, linear_maker, load_model, packs_later

_SHARE_OF_FREE_MEMORY = 0.8
"""Of what is free once the weights are read, for the cache; the rest is for what a pass computes."""

_ROOM_FOR_A_COPY = 2
"""A second copy of the weights is made only where so many times their size is free."""


class LeanRunner(Runner):
    """Runs a model that keeps a `KeyValueCache`: rows of any length share a pass, join and leave at any step.

    The model must be in evaluation mode, or dropout would change its logits.
    """

    abilities: frozenset[Ability] = frozenset({"append", "rewind", "hidden"})

    def __init__(self, model: LeanLM, *, most_bytes: int | None = None) -> None:
        self.model = model
        self.vocabulary_size = model.vocabulary_size
        self.context_length = model.context_length
        self._device = next(model.parameters()).device
        self._cache = model.new_cache(most_bytes)
        self._hidden = KeptHidden()
        self._captured: CapturedSteps | None = None

    @classmethod
    def open(cls, folder: Path, *, device: str = "auto", options: Options | None = None) -> Self:
        chosen = LeanRunnerOptions() if options is None else options
        assert isinstance(chosen, LeanRunnerOptions)
        model = load_model(folder, choose_device(device))
        if not isinstance(model, LeanLM):
            raise ArtefactError(
                f"{folder}: the lean runner reads models of the GPT-2 and Llama families, and this is "
                f"{model.architecture}; leave the runner out, or ask for runner transformers"
            )
        return cls.taking_over(model, chosen)

    @classmethod
    def taking_over(cls, model: LeanLM, options: LeanRunnerOptions) -> Self:
        """A runner for a model in evaluation mode that nobody else uses: its matrices are laid out anew."""
        device = next(model.parameters()).device
        weights = sum(weight.numel() * weight.itemsize for weight in model.parameters())
        free = free_memory(device)
        may_pack = packs_later(options.precision, device) and (free is None or free > _ROOM_FOR_A_COPY * weights)
        make = linear_maker(options.precision, device, may_pack=may_pack)
        if options.precision == "bfloat16":
            model.to(torch.bfloat16)
        model.lay_out(make)
        kept = weights if may_pack else 0
        runner = cls(model, most_bytes=_cache_bytes(options.memory, free_memory(device), kept))
        if device.type == "cuda":
            runner._captured = CapturedSteps(model, runner._cache, cuda_graph, compiled=options.compile)
        return runner

    def most_rows(self, length: int) -> int | None:
        return self._cache.most_rows(length)

    def row_bytes(self, length: int) -> int:
        return self._cache.row_bytes(length)

    @torch.inference_mode()
    def prefill(self, prompts: Sequence[Sequence[int]], *, keep_hidden: bool = False) -> tuple[list[int], torch.Tensor]:
        rows = self._cache.allocate(len(prompts))
        if keep_hidden:
            self._hidden.start(rows)
        tokens = max(1, LOGITS_PER_PASS // self.vocabulary_size)
        logits = torch.empty(len(prompts), self.vocabulary_size, device=self._device)
        try:
            for group in padded_batches([len(prompt) for prompt in prompts], tokens):
                for start in range(0, len(prompts[group[0]]), tokens):
                    part = [number for number in group if len(prompts[number]) > start]
                    new = [prompts[number][start : start + tokens] for number in part]
                    logits[part] = self._last_logits([rows[number] for number in part], new)
        except BaseException:
            self.drop(rows)
            raise
        return rows, logits

    @torch.inference_mode()
    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> torch.Tensor:
        if self._captured is not None and not self._hidden.any_of(rows):
            logits = self._captured.step(rows, tokens)
            if logits is not None:
                return logits
        return self._last_logits(rows, [[token] for token in tokens])

    @torch.inference_mode()
    def append(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> torch.Tensor:
        return self._last_logits(rows, tokens)

    @torch.inference_mode()
    def extend(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        hidden = self._append(rows, tokens)
        real = torch.cat([states[: len(new)] for states, new in zip(hidden, tokens, strict=True)])
        return list(torch.split(self.model.logits(real).float(), [len(new) for new in tokens]))

    @torch.inference_mode()
    def rewind(self, rows: Sequence[int], counts: Sequence[int]) -> None:
        for row, count in zip(rows, counts, strict=True):
            self._cache.set_length(row, self._cache.lengths[row] - count)
            self._hidden.rewind(row, self._cache.lengths[row])

    @torch.inference_mode()
    def fork(self, row: int) -> int:
        copy = self._cache.fork(row)
        self._hidden.fork(row, copy)
        return copy

    def drop(self, rows: Sequence[int]) -> None:
        self._cache.free(rows)
        self._hidden.drop(rows)

    def hidden(self, row: int) -> torch.Tensor:
        return self._hidden.of(row)

    @torch.inference_mode()
    def score(self, sequences: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        # Padding stands after the real tokens, where a causal model does not look.
        return score_sequences(lambda ids, _: self.model(ids), sequences, self.vocabulary_size, self._device)

    def _last_logits(self, rows: Sequence[int], new: Sequence[Sequence[int]]) -> torch.Tensor:
        """Feed each row its new tokens: the logits [N, V] float32 after the last of each."""
        hidden = self._append(rows, new)
        if hidden.shape[1] == 1:
            return self.model.logits(hidden[:, 0]).float()
        last = torch.tensor([len(tokens) for tokens in new], device=self._device) - 1
        return self.model.logits(hidden[torch.arange(len(rows), device=self._device), last]).float()

    def _append(self, rows: Sequence[int], new: Sequence[Sequence[int]]) -> torch.Tensor:
        """Feed each row its new tokens: the last hidden states [N, T, width], meaningless after a row's own."""
        order = self._cache.arrange(rows)
        place = {row: number for number, row in enumerate(rows)}
        brought = [new[place[row]] for row in order]
        lengths = [len(tokens) for tokens in brought]
        hidden = self.model.hidden_states(right_padded(brought, self._device), self._cache.window(order, lengths))
        self._hidden.append(order, hidden, lengths)
        if list(rows) == order:
            return hidden
        back = {row: number for number, row in enumerate(order)}
        return hidden[torch.tensor([back[row] for row in rows], device=self._device)]


def _cache_bytes(asked: float | None, free: int | None, kept: int) -> int | None:
    """How much the cache may take: what was asked for, else a share of what is free beside `kept` bytes."""
    if asked is None:
        return None if free is None else int(max(0, free - kept) * _SHARE_OF_FREE_MEMORY)
    most = int(asked * 2**30)
    if free is not None and most > free:
        raise UserError(
            f"runner: memory {asked:g} GiB was asked for, and {free / 2**30:.2f} GiB are free here; "
            "ask for less, or leave it out to take most of what is free"
        )
    return most
