"""The trainer `lora`: low-rank adapters on a model that stands still, by PEFT and the loop of `lean`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from zaoju.contracts import Preflight, TrainingRun
from zaoju.errors import ConfigError
from zaoju.models import CausalLM
from zaoju.training import Counters, best_folder, write_artefact
from zaoju_builtin.trainers.adapted_lm import AdaptedLM, MergedLM
from zaoju_builtin.trainers.lean import LeanTrainer
from zaoju_builtin.trainers.options import LoraOptions
from zaoju_builtin.trainers.transformers_model import first_transformers_model, without_bars


class LoraTrainer(LeanTrainer):
    """Trains adapters on the model in `model.init_from`, and leaves that model with the best of them merged in.

    Checkpoints hold the adapters and their optimiser, not the model, so they are small.
    """

    name = "lora"

    def __init__(self, options: LoraOptions) -> None:
        super().__init__(options)
        self._lora = options

    def preflight(self, run: TrainingRun) -> Preflight:
        """As that of `lean`. Raises `ConfigError` without `model.init_from`."""
        _base(run)
        return super().preflight(run)

    def train(self, run: TrainingRun) -> None:
        """As that of `lean`. Raises `ConfigError` without `model.init_from`."""
        _base(run)
        super().train(run)

    def first_model(self, run: TrainingRun) -> AdaptedLM:
        with without_bars(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(run.seed)
            return AdaptedLM.around(first_transformers_model(run), _base(run), self._lora)

    def model_of(self, checkpoint: Path, run: TrainingRun) -> AdaptedLM:
        model = self.first_model(run)
        model.load(checkpoint)
        return model

    def moves_slowly(self, run: TrainingRun) -> bool:
        # Adapters want about ten times the rate of all weights (Schulman et al., 2025, "LoRA Without Regret").
        return False

    def leave_artefact(self, run: TrainingRun, model: CausalLM, counters: Counters) -> None:
        assert isinstance(model, AdaptedLM)
        best = best_folder(run, counters)
        if best is not None:
            model.load(best)
        with without_bars():
            merged = MergedLM(model, keep_adapter=self._lora.keep_adapter)
            write_artefact(run, merged, replace(counters, best_step=None))


def _base(run: TrainingRun) -> Path:
    """The folder of the model to adapt."""
    if run.model.init_from is None:
        raise ConfigError(
            "trainer: lora adapts a model that has been trained, and there is none: set model.init_from to its folder, "
            "or take the trainer lean for a new model"
        )
    return run.model.init_from
