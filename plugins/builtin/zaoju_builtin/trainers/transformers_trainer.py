"""The trainer `transformers`: transformers.Trainer with zaoju's data, events and checkpoints."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from zaoju.contracts import Notice, Preflight, Trainer, TrainingRun
from zaoju.errors import Cancelled
from zaoju.models import TransformersLM, has_bfloat16
from zaoju.training import (
    Batches,
    Checkpoints,
    Counters,
    Pace,
    Schedule,
    allow_environment,
    count_steps,
    deterministic,
    disk_errors,
    estimate_memory,
    other_environment,
    read_counters,
    save_counters,
    time_steps,
    write_artefact,
)
from zaoju_builtin.trainers.optimisers import default_learning_rate
from zaoju_builtin.trainers.options import TransformersOptions
from zaoju_builtin.trainers.planning import budget_of, check_identity, identity_of, make_batches
from zaoju_builtin.trainers.transformers_loop import TransformersLoop, apart, make_loop, training_arguments
from zaoju_builtin.trainers.transformers_model import first_transformers_model
from zaoju_builtin.trainers.transformers_progress import TransformersProgress


class TransformersTrainer(Trainer[TransformersOptions]):
    """Trains any architecture by transformers.Trainer, so that its arguments, callbacks and integrations are at hand.

    transformers writes its checkpoints file by file; here each one becomes a whole folder with a manifest, so a run can
    be killed at any moment. The first weights and the order of the data are those of `lean`.
    """

    def __init__(self, options: TransformersOptions) -> None:
        super().__init__(options)
        self._pace: Pace | None = None

    def preflight(self, run: TrainingRun) -> Preflight:
        """Times a few steps of a model that is then thrown away. Raises `UserError` for a run of no steps."""
        found = Checkpoints(run.checkpoints, _silent).newest()
        with apart(run), deterministic(self.options.deterministic), _scratch(run) as scratch:
            model = first_transformers_model(run)
            batches = make_batches(run, self.options, model.context_length)
            step = self._loop(run, model, batches, scratch, steps=1).try_step
            seconds = time_steps(step, budget_of(self.options))
            self._pace = Pace(seconds)
            counters = None if found is None else read_counters(found)
            steps = self._count_steps(batches) if counters is None else counters.steps
            return Preflight(
                steps=steps,
                tokens_per_step=batches.tokens_per_batch * self.options.accumulate,
                parameters=model.parameter_count(),
                memory_bytes=estimate_memory(
                    model,
                    batches.tokens_per_batch,
                    window=batches.window,
                    device=run.device,
                    accumulates=self.options.accumulate > 1,
                    bfloat16=run.device == "cuda" and has_bfloat16(torch.device(run.device)),
                ),
                seconds=(steps if counters is None else steps - counters.step) * seconds,
            )

    def train(self, run: TrainingRun) -> None:
        """Train, or go on training. Raises `Cancelled` after a checkpoint, `UserError` where the loss is no number."""
        if budget_of(self.options).minutes is not None and self._pace is None:
            self.preflight(run)
        checkpoints = Checkpoints(run.checkpoints, run.emit)
        found = checkpoints.newest()
        with apart(run), deterministic(self.options.deterministic), _scratch(run) as scratch:
            model = first_transformers_model(run)
            batches = make_batches(run, self.options, model.context_length)
            identity = identity_of("transformers", run, self.options, batches)
            if found is None:
                counters = Counters(0, self._count_steps(batches), 0, identity)
            else:
                counters = read_counters(found)
                check_identity(run, identity, counters, self.options)
                if counters.step == counters.steps:
                    write_artefact(run, TransformersLM.from_folder(found), counters)
                    return
            loop = self._loop(run, model, batches, scratch, steps=counters.steps, first_step=counters.step)
            if found is None:
                # Before the first step: a number of steps that comes from timing must not be timed again.
                found = checkpoints.save(0, lambda folder: save_counters(folder, model, counters))
            else:
                allow_environment(run, found, other_environment(found, model))
                run.emit(Notice(f"going on from the checkpoint of step {counters.step} of {counters.steps}"))
            progress = TransformersProgress(run, self.options, loop, model, checkpoints, counters)
            loop.add_callback(progress)
            loop.train(resume_from_checkpoint=str(found) if counters.step else None)
            if progress.stopped:
                raise Cancelled(
                    f"stopped after step {progress.counters.step} of {counters.steps}, with a checkpoint in "
                    f"{run.checkpoints}; the same run again goes on from it"
                )
            write_artefact(run, model, progress.counters)

    def _loop(
        self,
        run: TrainingRun,
        model: TransformersLM,
        batches: Batches,
        scratch: Path,
        *,
        steps: int,
        first_step: int = 0,
    ) -> TransformersLoop:
        options = self.options
        peak = options.learning_rate or default_learning_rate(model.width, run.model.init_from is not None)
        arguments = training_arguments(run, options, scratch=scratch, steps=steps, learning_rate=peak)
        schedule = Schedule(options.schedule, peak, steps, options.warmup)
        return make_loop(model.network, arguments, batches, schedule, first_step)

    def _count_steps(self, batches: Batches) -> int:
        return count_steps(budget_of(self.options), batches, self.options.accumulate, self._pace)


@contextmanager
def _scratch(run: TrainingRun) -> Iterator[Path]:
    """A folder for what transformers writes until it is a checkpoint; on the same disk, so that files can move."""
    scratch = run.checkpoints / ".transformers"
    shutil.rmtree(scratch, ignore_errors=True)
    with disk_errors(run.checkpoints, "a checkpoint"):
        scratch.mkdir(parents=True, exist_ok=True)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _silent(event: object) -> None:
    """The preflight looks only; the training says what it finds."""
