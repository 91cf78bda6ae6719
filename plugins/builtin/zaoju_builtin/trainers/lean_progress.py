"""What happens between the steps of the lean trainer: reports, looks at held-out text, checkpoints, stopping."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import torch

from zaoju.contracts import Notice, TrainingRun
from zaoju.errors import Cancelled, UserError
from zaoju.models import CausalLM
from zaoju.training import Checkpoints, Counters, Meter, Schedule, keep_best, save_state
from zaoju_builtin.trainers.lean_loop import LeanLoop, Stepped
from zaoju_builtin.trainers.options import LeanOptions
from zaoju_builtin.trainers.planning import steps_between_looks

_REPORT_EVERY_ELSEWHERE = 10
"""On an accelerator a look at the loss waits for the device, so only every tenth step is reported."""


class LeanProgress:
    """A run under way: it does the steps that are left, and `counters` says where it stands."""

    def __init__(
        self, run: TrainingRun, options: LeanOptions, loop: LeanLoop, checkpoints: Checkpoints, counters: Counters
    ) -> None:
        self.counters = counters
        self._run = run
        self._loop = loop
        self._checkpoints = checkpoints
        alone = round(options.new_rows_first * counters.steps)
        self._schedules = (
            Schedule(options.schedule, loop.new_rows_learning_rate, alone, options.warmup),
            Schedule(options.schedule, loop.learning_rate, counters.steps - alone, options.warmup),
        )
        self._patience = options.patience
        self._report_every = 1 if run.device == "cpu" else _REPORT_EVERY_ELSEWHERE
        self._look_every = steps_between_looks(options, counters.steps)
        self._save_every_seconds = options.checkpoint_every_seconds
        self._meter = Meter(loop.model, window=loop.batches.window, device=run.device, tokens=counters.tokens)
        self._saved_at = time.monotonic()

    def finish(self) -> None:
        """Do all steps left, or fewer where they no longer help.

        Raises `Cancelled` after a checkpoint, `UserError` for a loss that is not finite.
        """
        while self.counters.step < self.counters.steps and not self._is_past_patience():
            schedule, number, _ = self._schedule(self.counters.step)
            rate, alone = schedule.at(number), schedule is self._schedules[0]
            stepped = self._loop.step(self.counters.step, rate, new_rows_alone=alone)
            step = self.counters.step + 1
            self.counters = replace(self.counters, step=step, tokens=self.counters.tokens + stepped.tokens)
            last = step == self.counters.steps
            due = last or time.monotonic() - self._saved_at >= self._save_every_seconds
            # A checkpoint must not hold a model that is already lost, so it waits for a look at the loss.
            reported = due or step % self._report_every == 0 or self._run.cancel.is_set()
            if reported:
                self._report(stepped, rate)
            if last or step % self._look_every == 0:
                self._look()
            if self._is_past_patience():
                last = due = True
            stopping = reported and self._run.cancel.is_set() and not last
            if due or stopping:
                self.save()
            if stopping:
                raise Cancelled(
                    f"stopped after step {step} of {self.counters.steps}, with a checkpoint in "
                    f"{self._run.checkpoints}; the same run again goes on from it"
                )
        done = self.counters
        if done.step < done.steps:
            self._run.emit(
                Notice(
                    f"ended early after step {done.step} of {done.steps}: held-out text was predicted best after step "
                    f"{done.best_step}, and no better in {self._patience} looks since"
                )
            )

    def _is_past_patience(self) -> bool:
        """Whether the last looks were no better. A matter of the counters alone, so a resumed run ends where it would.

        New rows that are trained alone do not count: what comes after them is another training.
        """
        best = self.counters.best_step
        if self._patience is None or best is None:
            return False
        return self.counters.step - max(best, self._schedules[0].steps) >= self._patience * self._look_every

    def _schedule(self, step: int) -> tuple[Schedule, int, str]:
        """The schedule of `step`, its number there, and the option of its peak. New rows alone have their own."""
        alone, whole = self._schedules
        if step < alone.steps:
            return alone, step, "new_rows_learning_rate"
        return whole, step - alone.steps, "learning_rate"

    def save(self) -> None:
        """Make a checkpoint of this moment."""
        loop, counters = self._loop, self.counters
        self._checkpoints.save(counters.step, lambda folder: save_state(folder, loop.model, loop.optimisers, counters))
        self._saved_at = time.monotonic()

    def _report(self, stepped: Stepped, rate: float) -> None:
        counters = self.counters
        loss, gradient_norm = stepped.read()
        if not math.isfinite(loss):
            schedule, _, option = self._schedule(counters.step - 1)
            raise UserError(
                f"the loss is {loss} in step {counters.step} of {counters.steps}, so the model is lost from here on. "
                f"The checkpoints before it are kept. Set trainer.{option} below {schedule.peak:g}, "
                "or trainer.warmup higher"
            )
        self._run.emit(self._meter.measure(counters, loss, rate, gradient_norm))

    def _look(self) -> None:
        """Score held-out text, and keep the model where it is the best so far."""
        with self._meter.pausing():
            self._look_at(self._loop.model)

    def _look_at(self, model: CausalLM) -> None:
        # Whatever the observer draws, the next step's dropout is the same.
        with torch.random.fork_rng(devices=[torch.cuda.current_device()] if self._run.device == "cuda" else []):
            bits = self._run.observe(self.counters.step, model)
        model.train()
        if self.counters.best_bits is None or bits < self.counters.best_bits:
            self.counters = replace(self.counters, best_step=self.counters.step, best_bits=bits)
            if self.counters.step < self.counters.steps:
                keep_best(self._run.checkpoints, model, self.counters.step)
