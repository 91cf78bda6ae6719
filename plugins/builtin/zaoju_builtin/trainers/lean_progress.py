"""What happens between the steps of the lean trainer: reports, looks at held-out text, checkpoints, stopping."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import torch

from zaoju.contracts import Notice, TrainingRun
from zaoju.errors import Cancelled
from zaoju.models import CausalLM
from zaoju.training import (
    BackgroundSaves,
    Checkpoints,
    Counters,
    HasState,
    Meter,
    Schedule,
    any_process,
    keep_best,
    main_does,
    process_number,
    save_state,
    snapshot_state,
)
from zaoju_builtin.trainers.bad_losses import BadStep, LossWatch, report_steps, take_back
from zaoju_builtin.trainers.lean_loop import LeanLoop, Stepped
from zaoju_builtin.trainers.options import LeanOptions
from zaoju_builtin.trainers.planning import steps_between_looks, steps_between_reports


class LeanProgress:
    """A run under way: it does the steps that are left, and `counters` says where it stands."""

    def __init__(
        self, run: TrainingRun, options: LeanOptions, loop: LeanLoop, checkpoints: Checkpoints, counters: Counters
    ) -> None:
        self.counters = counters
        self._run = run
        self._loop = loop
        self._checkpoints = checkpoints
        self._saves = BackgroundSaves(checkpoints)
        alone = round(options.new_rows_first * counters.steps)
        self._schedules = (
            Schedule(options.schedule, loop.new_rows_learning_rate, alone, options.warmup),
            Schedule(options.schedule, loop.learning_rate, counters.steps - alone, options.warmup),
        )
        self._patience = options.patience
        self._report_every = steps_between_reports(run.device)
        self._look_every = steps_between_looks(options, counters)
        self._save_every_seconds = options.checkpoint_every_seconds
        self._meter = Meter(loop.model, window=loop.batches.window, device=run.device, tokens=counters.tokens)
        self._saved_at = time.monotonic()
        self._options = options
        self._watch = LossWatch(options.spike, counters.recent_losses)
        self._unread: list[tuple[float, Stepped]] = []

    def finish(self) -> BadStep | None:
        """Do all steps left, or fewer where they no longer help; the bad step where the training must be taken back.

        Raises `Cancelled` after a checkpoint, `UserError` for a bad loss after which it is to stop.
        """
        with self._saves:
            return self._finish()

    def _finish(self) -> BadStep | None:
        while self.counters.step < self.counters.steps and not self._is_past_patience():
            schedule, number, _ = self._schedule(self.counters.step)
            rate, alone = schedule.at(number), schedule is self._schedules[0]
            self._saves.collect()
            stepped = self._loop.step(self.counters.data_of(self.counters.step), rate, new_rows_alone=alone)
            self._unread.append((rate, stepped))
            step = self.counters.step + 1
            self.counters = replace(self.counters, step=step, tokens=self.counters.tokens + stepped.tokens)
            last = step == self.counters.steps
            # All processes must do the same, so what depends on the moment is agreed on.
            due, cancelled = any_process(last or self._is_time_to_save(), self._run.cancel.is_set())
            looks = last or step % self._look_every == 0
            # Neither a checkpoint nor the best model may be one that is lost, so they wait for a look at the loss.
            reported = due or looks or cancelled or step % self._report_every == 0
            if reported:
                bad = self._report()
                if bad is not None:
                    schedule, _, option = self._schedule(bad.step)
                    batches, counters = self._loop.batches, self.counters
                    take_back(self._run, self._options, counters, batches, bad, peak=schedule.peak, option=option)
                    return bad
            if looks:
                self._look()
            if self._is_past_patience():
                last = due = True
            stopping = reported and not last and any_process(self._run.cancel.is_set())[0]
            if due or stopping:
                self.save()
            if stopping:
                main_does(self._saves.wait)
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
        return None

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
        """Make a checkpoint of this moment, in the main process."""
        states = self._loop.states()
        with self._loop.whole():
            main_does(lambda: self._save(states))
        self._saved_at = time.monotonic()

    def _is_time_to_save(self) -> bool:
        """By the clock of the main process."""
        return process_number() == 0 and time.monotonic() - self._saved_at >= self._save_every_seconds

    def _save(self, states: Sequence[HasState]) -> None:
        loop, counters = self._loop, replace(self.counters, recent_losses=self._watch.recent)
        if self._options.save_in_background:
            self._saves.save(counters.step, snapshot_state(loop.model, states, counters, manner=loop.manner))
        else:
            self._checkpoints.save(
                counters.step,
                lambda folder: save_state(folder, loop.model, states, counters, manner=loop.manner),
            )

    def _report(self) -> BadStep | None:
        unread, self._unread = self._unread, []
        return report_steps(self._run, self._meter, self._watch, self.counters, unread)

    def _look(self) -> None:
        """Score held-out text, and keep the model where it is the best so far."""
        with self._meter.pausing(), self._loop.averaged():
            self._look_at(self._loop.model)

    def _look_at(self, model: CausalLM) -> None:
        # Whatever the observer draws, the next step's dropout is the same.
        with torch.random.fork_rng(devices=[torch.cuda.current_device()] if self._run.device == "cuda" else []):
            bits = main_does(lambda: self._run.observe(self.counters.step, model))
        model.train()
        if self.counters.best_bits is None or bits < self.counters.best_bits:
            self.counters = replace(self.counters, best_step=self.counters.step, best_bits=bits)
            if self.counters.step < self.counters.steps:
                main_does(lambda: keep_best(self._run.checkpoints, model, self.counters.step))
