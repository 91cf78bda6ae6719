"""`transformers.Trainer` over zaoju's batches, loss and schedule."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, IterableDataset
from transformers import PreTrainedModel, PrinterCallback, TrainingArguments
from transformers import Trainer as UpstreamTrainer

from zaoju.contracts import TrainingRun
from zaoju.errors import ConfigError, UserError, did_you_mean
from zaoju.training import Batches, Counters, Schedule, disk_errors
from zaoju_builtin.trainers.lean_loop import Stepped, forget_accelerate
from zaoju_builtin.trainers.options import TransformersOptions
from zaoju_builtin.trainers.transformers_model import without_bars

_WRITING_FAILED = re.compile("PytorchStreamWriter|cannot be opened|unexpected pos|iostream|write")


class TransformersLoop(UpstreamTrainer):
    """A `transformers.Trainer` that takes batch after batch of `batches`, beginning with those of step `first_step`.

    Which part of the data a step takes, `data_of` says. The loss of a step is the mean over its tokens, whichever pass
    they are in, and its learning rate is the schedule's.
    """

    def __init__(
        self,
        network: PreTrainedModel,
        arguments: TrainingArguments,
        batches: Batches,
        schedule: Callable[[int], float],
        first_step: int,
        data_of: Callable[[int], int],
    ) -> None:
        self.batches = batches
        self._schedule = schedule
        self._stream = _Stream(batches, first_step, arguments.gradient_accumulation_steps, data_of)
        # The mean loss of the step under way, whole after its last pass, and how many tokens it predicts.
        self._step_loss, self._step_tokens = torch.zeros(()), 0
        self._gradient_norm = torch.zeros(())
        super().__init__(model=network, args=arguments, compute_loss_func=_mean_loss)
        self.remove_callback(PrinterCallback)
        self._clip = self.accelerator.clip_grad_norm_
        self.accelerator.clip_grad_norm_ = self._clip_and_note

    @property
    def last_step(self) -> Stepped:
        """What the last step gave."""
        return Stepped(self._step_loss, self._gradient_norm, self._step_tokens)

    @property
    def epochs_per_step(self) -> float:
        """The share of the corpus that a step takes."""
        return self.batches.batch_size * self.args.gradient_accumulation_steps / self.batches.windows

    def get_train_dataloader(self) -> DataLoader[dict[str, Any]]:
        """All batches that are left. A generator of its own, as a loader draws from torch's otherwise."""
        return DataLoader(self._stream, batch_size=None, generator=torch.Generator())

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> torch.optim.lr_scheduler.LRScheduler:
        """zaoju's schedule, as a factor of the peak."""
        peak = self.args.learning_rate
        optimizer = optimizer or self.optimizer
        assert optimizer is not None
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: self._schedule(step) / peak)
        return self.lr_scheduler

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], torch.Tensor | int | None]:
        """The passes of a step, and how many tokens they predict."""
        samples = [next(epoch_iterator) for _ in range(num_batches)]
        self._step_tokens = sum(int((sample["labels"] >= 0).sum()) for sample in samples)
        self._step_loss = torch.zeros((), device=device)
        return samples, self._step_tokens

    def training_step(
        self, model: torch.nn.Module, inputs: dict[str, Any], num_items_in_batch: torch.Tensor | int | None = None
    ) -> torch.Tensor:
        """One pass, forwards and backwards."""
        loss: torch.Tensor = super().training_step(model, inputs, num_items_in_batch)
        self._step_loss += loss
        return loss

    def _clip_and_note(self, *given: Any, **named: Any) -> torch.Tensor:  # noqa: ANN401  # as transformers calls it
        """Clip the gradient; transformers tells its norm to no callback."""
        self._gradient_norm = self._clip(*given, **named)
        return self._gradient_norm

    def _save_checkpoint(self, model: torch.nn.Module, trial: object) -> None:
        """As upstream. Raises `UserError` where the disk does not take it."""
        folder = Path(str(self.args.output_dir)).parent
        with disk_errors(folder, f"the checkpoint of step {self.state.global_step}"):
            try:
                super()._save_checkpoint(model, trial)
            except RuntimeError as error:
                # torch.save says in no finer way that its file could not be opened or written.
                if not _WRITING_FAILED.search(str(error)):
                    raise
                raise OSError(str(error).splitlines()[0]) from error

    def try_step(self, number: int) -> None:
        """One step on part `number` of the data outside of any run, to see how long it takes. Waits for it."""
        optimizer = self.optimizer or self.create_optimizer()
        count = self.args.gradient_accumulation_steps
        passes = [
            _as_transformers_has_it(*self.batches.batch(index)) for index in range(number * count, (number + 1) * count)
        ]
        tokens = sum(int((batch["labels"] >= 0).sum()) for batch in passes)
        for batch in passes:
            self._try(batch, tokens)
        optimizer.step()
        optimizer.zero_grad()
        self._step_loss.item()

    def try_pass(self, index: int) -> int:
        """One pass over batch `index` outside of any run, forwards and backwards; its tokens. Waits for it."""
        batch = _as_transformers_has_it(*self.batches.batch(index))
        tokens = int((batch["labels"] >= 0).sum())
        self._try(batch, tokens).item()
        return tokens

    def _try(self, batch: dict[str, Any], tokens: int) -> torch.Tensor:
        assert isinstance(self.model, PreTrainedModel)
        return self.training_step(self.model, batch, tokens)


def training_arguments(
    run: TrainingRun, options: TransformersOptions, *, scratch: Path, steps: int, learning_rate: float
) -> TrainingArguments:
    """The arguments of a run. Raises `ConfigError` for a name or a value that transformers does not take."""
    known = {field.name for field in fields(TrainingArguments) if field.init}
    for name in options.arguments:
        if name not in known:
            raise ConfigError(
                f"trainer.arguments: transformers.TrainingArguments has no {name!r}{did_you_mean(name, known)}; "
                "take it out, or see the page of TrainingArguments in the documentation of transformers"
            )
    defaults = {
        "adam_beta2": 0.98,
        "bf16": run.device == "cuda" and torch.cuda.is_bf16_supported(),
        "disable_tqdm": True,
        "logging_steps": 10,
        "report_to": "none",
        "weight_decay": 0.1,
    }
    decided = {
        "gradient_accumulation_steps": options.accumulate,
        "ignore_data_skip": True,
        "learning_rate": learning_rate,
        "max_grad_norm": options.clip,
        "max_steps": steps,
        "output_dir": str(scratch),
        "per_device_train_batch_size": options.batch_size,
        "remove_unused_columns": False,
        "save_strategy": "no",
        "seed": run.seed % 2**32,
        "use_cpu": run.device == "cpu",
    }
    values: dict[str, Any] = {**defaults, **options.arguments, **decided}
    try:
        arguments = TrainingArguments(**values)
    except (ImportError, RuntimeError, TypeError, ValueError) as error:
        raise ConfigError(f"trainer.arguments: transformers refuses {dict(options.arguments)}: {error}") from error
    # With several GPUs transformers would split every batch over them in threads; a run is on one.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def make_loop(
    network: PreTrainedModel,
    arguments: TrainingArguments,
    batches: Batches,
    schedule: Schedule,
    counters: Counters,
) -> TransformersLoop:
    """A loop for these parts that goes on from `counters`.

    Raises `UserError` where an integration that was asked for is not installed.
    """
    try:
        return TransformersLoop(network, arguments, batches, schedule.at, counters.step, counters.data_of)
    except (ImportError, RuntimeError, ValueError) as error:
        raise UserError(f"trainer.arguments: transformers.Trainer cannot begin with them: {error}") from error


@contextmanager
def apart(run: TrainingRun) -> Iterator[None]:
    """What transformers.Trainer changes in the process is as before when the block ends: the random states of Python,
    numpy and torch, the global state of Accelerate. Bars of transformers are not shown meanwhile."""
    of_python, of_numpy = random.getstate(), np.random.get_state()
    devices = [torch.cuda.current_device()] if run.device == "cuda" else []
    try:
        with without_bars(), torch.random.fork_rng(devices=devices):
            yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)
        forget_accelerate()


class _Stream(IterableDataset[dict[str, Any]]):
    """Batches without end: those of step after step from `first_step` on, `passes` a step."""

    def __init__(self, batches: Batches, first_step: int, passes: int, data_of: Callable[[int], int]) -> None:
        self._batches = batches
        self._first_step = first_step
        self._passes = passes
        self._data_of = data_of

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for step in count(self._first_step):
            first = self._data_of(step) * self._passes
            for index in range(first, first + self._passes):
                yield _as_transformers_has_it(*self._batches.batch(index))


def _as_transformers_has_it(ids: torch.Tensor, targets: torch.Tensor) -> dict[str, Any]:
    return {"input_ids": ids, "labels": targets, "use_cache": False}


def _mean_loss(outputs: Any, targets: torch.Tensor, num_items_in_batch: int) -> torch.Tensor:  # noqa: ANN401
    """The part of a pass in the mean loss of its step. The targets are one token on already."""
    total = F.cross_entropy(outputs.logits.flatten(0, 1).float(), targets.flatten(), reduction="sum")
    return total / max(1, num_items_in_batch)
