"""The default trainer: a plain loop on Accelerate that goes on exactly where it was stopped."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from zaoju.contracts import Notice, Preflight, Trainer, TrainingRun
from zaoju.errors import UserError
from zaoju.models import CausalLM, new_model
from zaoju.training import (
    Checkpoints,
    Counters,
    Pace,
    allow_environment,
    count_looks,
    count_processes,
    count_steps,
    deterministic,
    estimate_memory,
    from_main,
    load_model_state,
    load_state,
    main_does,
    read_counters,
    time_steps,
    write_artefact,
)
from zaoju_builtin.trainers.bad_losses import left_out
from zaoju_builtin.trainers.compiling import is_compiled
from zaoju_builtin.trainers.fitting import settle_batch_size, within_memory
from zaoju_builtin.trainers.lean_loop import LeanLoop, accelerator_for, computes_in_bfloat16
from zaoju_builtin.trainers.lean_progress import LeanProgress
from zaoju_builtin.trainers.optimisers import choose_optimiser
from zaoju_builtin.trainers.options import LeanOptions
from zaoju_builtin.trainers.planning import budget_of, check_identity, check_processes, identity_of, make_batches
from zaoju_builtin.trainers.step_size import size_by_length

Skipped = Sequence[Sequence[int]]
"""As in `Counters`."""


class LeanTrainer(Trainer[LeanOptions]):
    """Trains by AdamW or Muon, keeps the best model by held-out bits per character, and can be killed at any moment."""

    name = "lean"
    trains_together = True

    def __init__(self, options: LeanOptions) -> None:
        super().__init__(options)
        self._pace: Pace | None = None

    def preflight(self, run: TrainingRun) -> Preflight:
        """Times a few steps of a model that is then thrown away, and before a run of minutes one look at held-out text,
        which shows what the model knows untrained. Raises `UserError` for a run of no steps."""
        began = time.monotonic()
        found = main_does(Checkpoints(run.checkpoints, _silent).newest)
        self._settle(run, found)
        with self._loop(run, self.first_model(run)) as loop:
            budget = budget_of(self.options)
            look = _time_look(run, loop) if found is None and budget.minutes is not None else None
            seconds = time_steps(loop.try_step, loop.batches, self.options.accumulate, budget)
            self._pace = Pace(seconds, look, from_main(time.monotonic() - began))
            counters = None if found is None else read_counters(found)
            steps = self._count_steps(loop) if counters is None else counters.steps
            left = steps if counters is None else steps - counters.step
            return Preflight(
                steps=steps,
                tokens_per_step=loop.tokens_per_step,
                parameters=loop.model.parameter_count(),
                memory_bytes=estimate_memory(
                    loop.model,
                    -(-loop.batches.tokens_per_batch // count_processes()),
                    window=loop.batches.window,
                    device=run.device,
                    accumulates=self.options.accumulate > 1,
                    bfloat16=computes_in_bfloat16(run.device, self.options),
                    averages=self.options.ema is not None,
                    sharding=loop.sharding,
                ),
                seconds=left * seconds,
            )

    def train(self, run: TrainingRun) -> None:
        """Train, or go on training. Raises `Cancelled` after a checkpoint, `UserError` where the loss is bad.

        After a bad loss that is not to stop it, it goes on from the last checkpoint, as if it had been killed.
        """
        checkpoints = Checkpoints(run.checkpoints, run.emit)
        found = main_does(checkpoints.newest)
        self._settle(run, found)
        skipped = self._begin(run, checkpoints) if found is None else self._go_on(run, checkpoints, found, ())
        while skipped:
            found = main_does(checkpoints.newest)
            assert found is not None, "the first one is made before the first step"
            skipped = self._go_on(run, checkpoints, found, skipped)

    def _settle(self, run: TrainingRun, found: Path | None) -> None:
        """Choose what the options leave open: as in the checkpoint, or by the run's model and length."""
        self.options = choose_optimiser(self.options, trained_before=run.model.init_from is not None)

        def loop_for(given: LeanOptions) -> AbstractContextManager[LeanLoop]:
            # Other sizes are tried, and compiling for each would take longer than all the rest.
            return self._loop(run, self.first_model(run), given.model_copy(update={"compile": False}))

        if found is None and self.options.batch_size is None:
            self.options = size_by_length(self.options, loop_for)
        else:
            self.options = settle_batch_size(run, self.options, found, loop_for)

    def _go_on(self, run: TrainingRun, checkpoints: Checkpoints, found: Path, skipped: Skipped) -> Skipped:
        """Go on from a checkpoint, without the `skipped` data; all that is to be skipped where that must be done again,
        nothing where the training is done."""
        with self._loop(run, self.model_of(found, run)) as loop:
            counters = read_counters(found)
            check_identity(run, self._identity(run, loop), counters, self.options)
            allow_environment(run, found, load_state(found, loop.model, loop.states(), manner=loop.manner))
            run.emit(Notice(f"going on from the checkpoint of step {counters.step} of {counters.steps}"))
            counters = replace(counters, skipped=skipped or counters.skipped)
            return self._complete(run, loop, LeanProgress(run, self.options, loop, checkpoints, counters))

    def _begin(self, run: TrainingRun, checkpoints: Checkpoints) -> Skipped:
        if budget_of(self.options).minutes is not None and self._pace is None:
            self.preflight(run)
        with self._loop(run, self.first_model(run)) as loop:
            looks = count_looks(budget_of(self.options), self._pace)
            counters = Counters(0, self._count_steps(loop), 0, self._identity(run, loop), looks=looks)
            progress = LeanProgress(run, self.options, loop, checkpoints, counters)
            # Before the first step: a number of steps that comes from timing must not be timed again.
            progress.save()
            return self._complete(run, loop, progress)

    def _complete(self, run: TrainingRun, loop: LeanLoop, progress: LeanProgress) -> Skipped:
        bad = progress.finish()
        if bad is not None:
            return left_out(progress.counters, bad, self.options)
        with loop.averaged():
            main_does(lambda: self.leave_artefact(run, loop.model, progress.counters))
        return ()

    def first_model(self, run: TrainingRun) -> CausalLM:
        """The model that a new run begins with."""
        return new_model(run.model, run.seed)

    def model_of(self, checkpoint: Path, run: TrainingRun) -> CausalLM:
        """The model of a checkpoint."""
        return load_model_state(checkpoint, run.device)

    def moves_slowly(self, run: TrainingRun) -> bool:
        """Whether the learning rate, where none is set, is that of a model that has been trained before."""
        return run.model.init_from is not None

    def leave_artefact(self, run: TrainingRun, model: CausalLM, counters: Counters) -> None:
        """Leave the best model of the run."""
        write_artefact(run, model, counters)

    @contextmanager
    def _loop(self, run: TrainingRun, model: CausalLM, options: LeanOptions | None = None) -> Iterator[LeanLoop]:
        """The parts of a run, with its own options or others; the caller's random state is as before when it ends."""
        options = options or self.options
        if self.options.new_rows_first and run.model.first_new is None:
            raise UserError(
                "trainer.new_rows_first trains the rows that `zaoju extend` has added, and there are none here: set "
                "model.init_from to a folder that it made, or new_rows_first to 0"
            )
        if options.checkpointing == "full":
            model.recompute_layers()
        batches = make_batches(run, options, model.context_length)
        check_processes(batches, options)
        devices = [torch.cuda.current_device()] if run.device == "cuda" else []
        with (
            within_memory(run, model, batches, options, bfloat16=computes_in_bfloat16(run.device, options)),
            deterministic(options.deterministic),
            torch.random.fork_rng(devices=devices),
            accelerator_for(run.device, options) as accelerator,
        ):
            torch.manual_seed(run.seed)
            plan = run.model
            yield LeanLoop(
                model,
                batches,
                options,
                accelerator,
                seed=run.seed,
                trained_before=self.moves_slowly(run),
                first_new=plan.first_new,
                compiled=is_compiled(options, model, batches, run.device),
            )

    def _count_steps(self, loop: LeanLoop) -> int:
        pace, every, looks = self._pace, self.options.evaluate_every, None
        if pace is not None and pace.look_seconds is not None and every != "auto":
            pace, looks = replace(pace, step_seconds=pace.step_seconds + pace.look_seconds / every), 1
        return count_steps(budget_of(self.options), loop.batches, self.options.accumulate, pace, looks)

    def _identity(self, run: TrainingRun, loop: LeanLoop) -> dict[str, object]:
        return identity_of(self.name, run, self.options, loop.batches)


def _time_look(run: TrainingRun, loop: LeanLoop) -> float:
    """The seconds of a look at held-out text, by a model that has learned nothing."""
    began = time.monotonic()
    with loop.whole():
        main_does(lambda: run.observe(0, loop.model))
    loop.model.train()
    return from_main(time.monotonic() - began)


def _silent(event: object) -> None:
    """The preflight looks only; the training says what it finds."""
