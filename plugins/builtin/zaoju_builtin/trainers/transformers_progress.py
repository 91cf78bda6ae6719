"""What zaoju does between the steps of transformers.Trainer: reports, looks at held-out text, checkpoints, stopping."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from zaoju.contracts import TrainingRun
from zaoju.models import CausalLM
from zaoju.training import BackgroundSaves, Checkpoints, Counters, Meter, disk_errors, keep_best, save_counters
from zaoju_builtin.trainers.bad_losses import BadStep, LossWatch, report_steps, take_back
from zaoju_builtin.trainers.lean_loop import Stepped
from zaoju_builtin.trainers.options import TransformersOptions
from zaoju_builtin.trainers.planning import steps_between_looks, steps_between_reports
from zaoju_builtin.trainers.transformers_loop import TransformersLoop


class TransformersProgress(TrainerCallback):
    """A callback of transformers.Trainer.

    `counters` says where the run stands, `stopped` whether it was cancelled, and `bad` is the step before which it must
    be taken back. What is saved in the background is written at the end of the context `saves`.
    """

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
        self.bad: BadStep | None = None
        self.saves = BackgroundSaves(checkpoints)
        self._run = run
        self._options = options
        self._loop = loop
        self._model = model
        self._checkpoints = checkpoints
        self._look_every = steps_between_looks(options, counters)
        self._report_every = steps_between_reports(run.device)
        self._save_every_seconds = options.checkpoint_every_seconds
        self._rate = 0.0
        self._watch = LossWatch(options.spike, counters.recent_losses)
        self._unread: list[tuple[float, Stepped]] = []
        self._meter = Meter(model, window=loop.batches.window, device=run.device, tokens=counters.tokens)
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
        """Report, look, and say whether to save and to stop. Raises `UserError` for a bad loss that is to stop it."""
        self.saves.collect()
        stepped = self._loop.last_step
        self._unread.append((self._rate, stepped))
        step = state.global_step
        # transformers, which is given a stream without end, counts from the start of this process.
        state.epoch = step * self._loop.epochs_per_step
        self.counters = replace(self.counters, step=step, tokens=self.counters.tokens + stepped.tokens)
        last = step == self.counters.steps
        due = last or time.monotonic() - self._saved_at >= self._save_every_seconds
        looks = last or step % self._look_every == 0
        cancelled = self._run.cancel.is_set()
        # Neither a checkpoint nor the best model may be one that is lost, so they wait for a look at the loss.
        reported = due or looks or cancelled or step % self._report_every == 0
        if reported:
            self.bad = self._report()
            if self.bad is not None:
                control.should_training_stop = True
                return
        if looks:
            self._look()
        self.stopped = reported and self._run.cancel.is_set() and not last
        control.should_save = due or self.stopped
        if self.stopped:
            control.should_training_stop = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **parts: object) -> None:
        """Make a checkpoint, whole and with a manifest, of the files that transformers has just written."""
        step, folder = self.counters.step, Path(str(args.output_dir))
        with disk_errors(self._run.checkpoints, f"the checkpoint of step {step}"):
            # transformers looks for its checkpoints by their names when it ends, and this one may be on its way then.
            written = (folder / f"checkpoint-{step}").rename(folder / f"written-{step}")
            save_counters(written, self._model, replace(self.counters, recent_losses=self._watch.recent))

        def take_over(folder: Path) -> None:
            for path in written.iterdir():
                path.rename(folder / path.name)
            # Empty, and nobody looks there: no reason to end a training.
            shutil.rmtree(written, ignore_errors=True)

        if self._options.save_in_background:
            self.saves.save(step, take_over)
        else:
            self._checkpoints.save(step, take_over)
        self._saved_at = time.monotonic()

    def _report(self) -> BadStep | None:
        unread, self._unread = self._unread, []
        bad = report_steps(self._run, self._meter, self._watch, self.counters, unread)
        if bad is not None:
            peak = self._loop.args.learning_rate
            take_back(self._run, self._options, self.counters, self._loop.batches, bad, peak=peak)
        return bad

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
