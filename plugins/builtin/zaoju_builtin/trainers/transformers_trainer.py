"""The trainer `transformers`: transformers.Trainer with zaoju's data, events and checkpoints."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
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
from zaoju_builtin.trainers.bad_losses import left_out
from zaoju_builtin.trainers.fitting import settle_batch_size, within_memory
from zaoju_builtin.trainers.optimisers import default_learning_rate
from zaoju_builtin.trainers.options import TransformersOptions
from zaoju_builtin.trainers.planning import budget_of, check_identity, identity_of, make_batches
from zaoju_builtin.trainers.transformers_loop import TransformersLoop, apart, make_loop, training_arguments
from zaoju_builtin.trainers.transformers_model import first_transformers_model
from zaoju_builtin.trainers.transformers_progress import TransformersProgress

Skipped = Sequence[Sequence[int]]
"""As in `Counters`."""

_TO_TRY = Counters(step=0, steps=1, tokens=0, identity={})
"""Where a loop stands whose steps are timed and thrown away."""

_CHANGE_MEMORY = (
    "activation_checkpointing",
    "bf16",
    "fp16",
    "gradient_checkpointing",
    "liger",
    "optim",
    "torch_compile",
    "use_liger",
)
"""How the arguments of transformers begin with which a step takes more or less memory than is estimated."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a run is made of, beside transformers.Trainer."""

    model: TransformersLM
    batches: Batches
    scratch: Path
    """Where transformers writes until that is a checkpoint."""

    options: TransformersOptions


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
        self._settle(run, found)
        with self._parts(run, self.options) as parts:
            try_step, budget = self._loop(run, parts, _TO_TRY).try_step, budget_of(self.options)
            seconds = time_steps(try_step, parts.batches, self.options.accumulate, budget)
            self._pace = Pace(seconds)
            counters = None if found is None else read_counters(found)
            steps = self._count_steps(parts.batches) if counters is None else counters.steps
            return Preflight(
                steps=steps,
                tokens_per_step=parts.batches.tokens_per_batch * self.options.accumulate,
                parameters=parts.model.parameter_count(),
                memory_bytes=estimate_memory(
                    parts.model,
                    parts.batches.tokens_per_batch,
                    window=parts.batches.window,
                    device=run.device,
                    accumulates=self.options.accumulate > 1,
                    bfloat16=_computes_in_bfloat16(run),
                ),
                seconds=(steps if counters is None else steps - counters.step) * seconds,
            )

    def train(self, run: TrainingRun) -> None:
        """Train, or go on training. Raises `Cancelled` after a checkpoint, `UserError` where the loss is bad.

        After a bad loss that is not to stop it, transformers.Trainer ends, and a new one goes on from the last
        checkpoint, as if the run had been killed.
        """
        checkpoints = Checkpoints(run.checkpoints, run.emit)
        found = checkpoints.newest()
        self._settle(run, found)
        if found is None and budget_of(self.options).minutes is not None and self._pace is None:
            self.preflight(run)
        skipped = self._go_on(run, checkpoints, found, ())
        while skipped:
            gc.collect()  # a Trainer and its callbacks hold each other, and their model
            skipped = self._go_on(run, checkpoints, checkpoints.newest(), skipped)

    def _settle(self, run: TrainingRun, found: Path | None) -> None:
        """Put a number in the place of `batch_size: auto`."""
        self.options = settle_batch_size(run, self.options, found, lambda given: self._tried(run, given))

    def _go_on(self, run: TrainingRun, checkpoints: Checkpoints, found: Path | None, skipped: Skipped) -> Skipped:
        """Begin, or go on from a checkpoint without the `skipped` data; all that is to be skipped where that must be
        done again, nothing where the training is done."""
        with self._parts(run, self.options) as parts:
            identity = identity_of("transformers", run, self.options, parts.batches)
            if found is None:
                counters = Counters(0, self._count_steps(parts.batches), 0, identity)
            else:
                counters = read_counters(found)
                check_identity(run, identity, counters, self.options)
                if counters.step == counters.steps:
                    write_artefact(run, TransformersLM.from_folder(found), counters)
                    return ()
                counters = replace(counters, skipped=skipped or counters.skipped)
            loop = self._loop(run, parts, counters)
            if found is None:
                # Before the first step: a number of steps that comes from timing must not be timed again.
                found = checkpoints.save(0, lambda folder: save_counters(folder, parts.model, counters))
            else:
                allow_environment(run, found, other_environment(found, parts.model))
                run.emit(Notice(f"going on from the checkpoint of step {counters.step} of {counters.steps}"))
            progress = TransformersProgress(run, self.options, loop, parts.model, checkpoints, counters)
            loop.add_callback(progress)
            with progress.saves:
                loop.train(resume_from_checkpoint=str(found) if counters.step else None)
            if progress.bad is not None:
                return left_out(progress.counters, progress.bad, self.options)
            if progress.stopped:
                raise Cancelled(
                    f"stopped after step {progress.counters.step} of {counters.steps}, with a checkpoint in "
                    f"{run.checkpoints}; the same run again goes on from it"
                )
            write_artefact(run, parts.model, progress.counters)
            return ()

    @contextmanager
    def _parts(self, run: TrainingRun, options: TransformersOptions) -> Iterator[_Parts]:
        """What a run with these options is made of; the process is as before when the block ends."""
        with apart(run), deterministic(options.deterministic), _scratch(run) as scratch:
            model = first_transformers_model(run)
            batches = make_batches(run, options, model.context_length)
            # The estimate is for the default arguments.
            foreseen = not any(name.startswith(_CHANGE_MEMORY) for name in options.arguments)
            bfloat16 = _computes_in_bfloat16(run)
            with within_memory(run, model, batches, options, bfloat16=bfloat16, foreseen=foreseen):
                yield _Parts(model, batches, scratch, options)

    @contextmanager
    def _tried(self, run: TrainingRun, options: TransformersOptions) -> Iterator[TransformersLoop]:
        """A loop with these options in place of its own, to try them."""
        with self._parts(run, options) as parts:
            yield self._loop(run, parts, _TO_TRY)

    def _loop(self, run: TrainingRun, parts: _Parts, counters: Counters) -> TransformersLoop:
        options, model = parts.options, parts.model
        peak = options.learning_rate or default_learning_rate(model.width, run.model.init_from is not None)
        arguments = training_arguments(run, options, scratch=parts.scratch, steps=counters.steps, learning_rate=peak)
        schedule = Schedule(options.schedule, peak, counters.steps, options.warmup)
        return make_loop(model.network, arguments, parts.batches, schedule, counters)

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


def _computes_in_bfloat16(run: TrainingRun) -> bool:
    """Whether layers compute in bfloat16 unless `arguments` says otherwise."""
    return run.device == "cuda" and has_bfloat16(torch.device(run.device))


def _silent(event: object) -> None:
    """The preflight looks only; the training says what it finds."""
