"""The runner over the engine's own modules and their cache of slots."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import torch

from zaoju.contracts import Ability, Runner
from zaoju.errors import ArtefactError
from zaoju.generation.batching import LOGITS_PER_PASS, padded_batches, right_padded, score_sequences
from zaoju.generation.kept_hidden import KeptHidden
from zaoju.models import GPT2, choose_device, load_model


class LeanRunner(Runner):
    """Runs a model that keeps a `KeyValueCache`: rows of any length share a pass, join and leave at any step.

    The model must be in evaluation mode, or dropout would change its logits.
    """

    abilities: frozenset[Ability] = frozenset({"rewind", "hidden"})

    def __init__(self, model: GPT2) -> None:
        self.model = model
        self.vocabulary_size = model.vocabulary_size
        self.context_length = model.context_length
        self._device = next(model.parameters()).device
        self._cache = model.new_cache()
        self._hidden = KeptHidden()

    @classmethod
    def open(cls, folder: Path, *, device: str = "auto") -> Self:
        model = load_model(folder, choose_device(device))
        if not isinstance(model, GPT2):
            raise ArtefactError(
                f"{folder}: the lean runner reads GPT-2 models, and this is {model.architecture}; "
                "leave the runner out, or ask for runner transformers"
            )
        return cls(model.eval())

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
        return self._last_logits(rows, [[token] for token in tokens])

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
        last = torch.tensor([len(tokens) for tokens in new], device=self._device) - 1
        return self.model.logits(hidden[torch.arange(len(rows), device=self._device), last]).float()

    def _append(self, rows: Sequence[int], new: Sequence[Sequence[int]]) -> torch.Tensor:
        """Feed each row its new tokens: the last hidden states [N, T, width], meaningless after a row's own."""
        lengths = [len(tokens) for tokens in new]
        window = self._cache.window(rows, lengths)
        hidden = self.model.hidden_states(right_padded(new, self._device), window)
        self._hidden.append(rows, hidden, lengths)
        return hidden
