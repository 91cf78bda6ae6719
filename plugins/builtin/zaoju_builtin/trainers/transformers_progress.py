"""What zaoju does between the steps of transformers.Trainer: reports, looks at held-out text, checkpoints, stopping."""

from __future__ import annotations

import math
import shutil
import time
from dataclasses import replace
from pathlib import Path

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from zaoju.contracts import TrainingRun
from zaoju.errors import UserError
from zaoju.models import CausalLM
from zaoju.training import Checkpoints, Counters, Meter, keep_best, save_counters
from zaoju_builtin.trainers.options import TransformersOptions
from zaoju_builtin.trainers.planning import steps_between_looks
from zaoju_builtin.trainers.transformers_loop import TransformersLoop

_REPORT_EVERY_ELSEWHERE = 10
"""On an accelerator a look at the loss waits for the device, so only every tenth step is reported."""


class TransformersProgress(TrainerCallback):
    """A callback of transformers.Trainer; `counters` says where the run stands, `stopped` whether it was cancelled."""

    def __init__(
        self,
        run: TrainingRun,
        options: TransformersOptions,
        loop: TransformersLoop,
        model: CausalLM,
        checkpoints: Checkpoints,
        counters: Counters,
    ) -> None:
        self.counters = counters
        self.stopped = False
        self._run = run
        self._loop = loop
        self._model = model
        self._checkpoints = checkpoints
        self._look_every = steps_between_looks(options, counters)
        self._report_every = 1 if run.device == "cpu" else _REPORT_EVERY_ELSEWHERE
        self._save_every_seconds = options.checkpoint_every_seconds
        self._rate = 0.0
        self._meter = Meter(model, window=loop.window, device=run.device, tokens=counters.tokens)
        self._saved_at = time.monotonic()

    def on_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **parts: object
    ) -> None:
        """Note the learning rate before the schedule moves on."""
        assert self._loop.optimizer is not None
        self._rate = float(self._loop.optimizer.param_groups[0]["lr"])

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **parts: object
    ) -> None:
        """Report, look, and say whether to save and to stop. Raises `UserError` for a loss that is not finite."""
        tokens = self.counters.tokens + self._loop.step_tokens
        step = state.global_step
        # transformers, which is given a stream without end, counts from the start of this process.
        state.epoch = step * self._loop.epochs_per_step
        self.counters = replace(self.counters, step=step, tokens=tokens)
        last = step == self.counters.steps
        due = last or time.monotonic() - self._saved_at >= self._save_every_seconds
        # A checkpoint must not hold a model that is already lost, so it waits for a look at the loss.
        reported = due or step % self._report_every == 0 or self._run.cancel.is_set()
        if reported:
            self._report(*self._loop.read())
        if last or step % self._look_every == 0:
            self._look()
        self.stopped = reported and self._run.cancel.is_set() and not last
        control.should_save = due or self.stopped
        if self.stopped:
            control.should_training_stop = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **parts: object) -> None:
        """Make a checkpoint, whole and with a manifest, of the files that transformers has just written."""
        written = Path(str(args.output_dir)) / f"checkpoint-{state.global_step}"

        def take_over(folder: Path) -> None:
            for path in written.iterdir():
                path.rename(folder / path.name)
            save_counters(folder, self._model, self.counters)

        self._checkpoints.save(self.counters.step, take_over)
        # Empty, and nobody looks there: no reason to end a training.
        shutil.rmtree(written, ignore_errors=True)
        self._saved_at = time.monotonic()

    def _report(self, loss: float, gradient_norm: float) -> None:
        counters = self.counters
        if not math.isfinite(loss):
            raise UserError(
                f"the loss is {loss} in step {counters.step} of {counters.steps}, so the model is lost from here on. "
                f"The checkpoints before it are kept. Set trainer.learning_rate below "
                f"{self._loop.args.learning_rate:g}, or trainer.warmup higher"
            )
        self._run.emit(self._meter.measure(counters, loss, self._rate, gradient_norm))

    def _look(self) -> None:
        """Score held-out text, and keep the model where it is the best so far."""
        with self._meter.pausing():
            self._look_at_model()

    def _look_at_model(self) -> None:
        # Whatever the observer draws, the next step's dropout is the same.
        with torch.random.fork_rng(devices=[torch.cuda.current_device()] if self._run.device == "cuda" else []):
            bits = self._run.observe(self.counters.step, self._model)
        self._model.train()
        if self.counters.best_bits is None or bits < self.counters.best_bits:
            self.counters = replace(self.counters, best_step=self.counters.step, best_bits=bits)
            if self.counters.step < self.counters.steps:
                keep_best(self._run.checkpoints, self._model, self.counters.step)
