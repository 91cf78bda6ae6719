"""The default trainer: a plain loop on Accelerate that goes on exactly where it was stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from zaoju.contracts import Notice, Preflight, Trainer, TrainingRun
from zaoju.errors import UserError
from zaoju.models import CausalLM, new_model
from zaoju.tokenization import PackedTokens
from zaoju.training import (
    Batches,
    Budget,
    Checkpoints,
    Counters,
    DocumentBatches,
    PackedBatches,
    count_steps,
    estimate_memory,
    load_model_state,
    load_state,
    read_counters,
    time_steps,
    write_artefact,
)
from zaoju_builtin.trainers.lean_loop import LeanLoop, accelerator_for
from zaoju_builtin.trainers.lean_progress import LeanProgress
from zaoju_builtin.trainers.options import DEFAULT_MINUTES, LeanOptions

_LARGEST_DEFAULT_WINDOW = 1024


class LeanTrainer(Trainer[LeanOptions]):
    """Trains by AdamW or Muon, keeps the best model by held-out bits per character, and can be killed at any moment."""

    def __init__(self, options: LeanOptions) -> None:
        super().__init__(options)
        self._step_seconds: float | None = None

    def preflight(self, run: TrainingRun) -> Preflight:
        """Times a few steps of a model that is then thrown away. Raises `UserError` for a run of no steps."""
        found = Checkpoints(run.checkpoints, _silent).newest()
        with self._loop(run, new_model(run.model, run.seed)) as loop:
            seconds = self._step_seconds = time_steps(lambda: loop.step(0, loop.learning_rate)[0].item())
            counters = None if found is None else read_counters(found)
            steps = self._count_steps(loop) if counters is None else counters.steps
            left = steps if counters is None else steps - counters.step
            return Preflight(
                steps=steps,
                tokens_per_step=loop.tokens_per_step,
                parameters=loop.model.parameter_count(),
                memory_bytes=estimate_memory(loop.model, loop.batches.tokens_per_batch),
                seconds=left * seconds,
            )

    def train(self, run: TrainingRun) -> None:
        """Train, or go on training. Raises `Cancelled` after a checkpoint, `UserError` where the loss is no number."""
        checkpoints = Checkpoints(run.checkpoints, run.emit)
        found = checkpoints.newest()
        if found is None:
            self._begin(run, checkpoints)
            return
        with self._loop(run, load_model_state(found, run.device)) as loop:
            counters = read_counters(found)
            self._check_identity(run, loop.batches, counters)
            for difference in load_state(found, loop.model, loop.optimisers):
                run.emit(Notice(f"going on in another environment ({difference}): not bit for bit the same run"))
            run.emit(Notice(f"going on from the checkpoint of step {counters.step} of {counters.steps}"))
            self._complete(run, loop, LeanProgress(run, self.options, loop, checkpoints, counters))

    def _begin(self, run: TrainingRun, checkpoints: Checkpoints) -> None:
        if self._budget.minutes is not None and self._step_seconds is None:
            self.preflight(run)
        with self._loop(run, new_model(run.model, run.seed)) as loop:
            counters = Counters(0, self._count_steps(loop), 0, self._identity(run, loop.batches))
            progress = LeanProgress(run, self.options, loop, checkpoints, counters)
            # Before the first step: a number of steps that comes from timing must not be timed again.
            progress.save()
            self._complete(run, loop, progress)

    def _complete(self, run: TrainingRun, loop: LeanLoop, progress: LeanProgress) -> None:
        progress.finish()
        write_artefact(run, loop.model, progress.counters)

    @contextmanager
    def _loop(self, run: TrainingRun, model: CausalLM) -> Iterator[LeanLoop]:
        """The parts of a run; the caller's random state is as before when it ends."""
        if self.options.new_rows_first and run.model.first_new is None:
            raise UserError(
                "trainer.new_rows_first trains the rows that `zaoju extend` has added, and there are none here: set "
                "model.init_from to a folder that it made, or new_rows_first to 0"
            )
        window = self.options.window or _LARGEST_DEFAULT_WINDOW
        batches = self._batches(run, min(window, model.context_length))
        devices = [torch.cuda.current_device()] if run.device == "cuda" else []
        with torch.random.fork_rng(devices=devices), accelerator_for(run.device, self.options) as accelerator:
            torch.manual_seed(run.seed)
            plan = run.model
            yield LeanLoop(
                model,
                batches,
                self.options,
                accelerator,
                trained_before=plan.init_from is not None,
                first_new=plan.first_new,
            )

    def _batches(self, run: TrainingRun, window: int) -> Batches:
        packed, size = PackedTokens.open(run.train), self.options.batch_size
        if self.options.windows == "packed":
            return PackedBatches(packed, window=window, batch_size=size, seed=run.seed)
        return DocumentBatches(packed, window=window, batch_size=size, end_of_text=run.model.end_of_text, seed=run.seed)

    @property
    def _budget(self) -> Budget:
        options = self.options
        budget = Budget(options.steps, options.epochs, options.minutes)
        return Budget(minutes=DEFAULT_MINUTES) if budget == Budget() else budget

    def _count_steps(self, loop: LeanLoop) -> int:
        return count_steps(self._budget, loop.batches, self.options.accumulate, self._step_seconds)

    def _identity(self, run: TrainingRun, batches: Batches) -> dict[str, object]:
        """All that decides the weights, as JSON."""
        options = self.options.model_dump(mode="json", exclude={"checkpoint_every_seconds"})
        return {
            "trainer": "lean",
            **options,
            "seed": run.seed,
            "architecture": run.model.architecture,
            "numbers": dict(run.model.numbers),
            "vocabulary_size": run.model.vocabulary_size,
            "first_new": run.model.first_new,
            "init_from": None if run.model.init_from is None else str(run.model.init_from),
            "windows": batches.windows,
        }

    def _check_identity(self, run: TrainingRun, batches: Batches, counters: Counters) -> None:
        now, then = self._identity(run, batches), counters.identity
        different = [
            f"{name} was {then.get(name)!r} and is {now.get(name)!r}"
            for name in sorted({*now, *then})
            if now.get(name) != then.get(name)
        ]
        if different:
            raise UserError(
                f"the checkpoints in {run.checkpoints} are of another run: {'; '.join(different)}. "
                "Set these back to go on, or remove that folder to begin again"
            )


def _silent(event: object) -> None:
    """The preflight looks only; the training says what it finds."""
