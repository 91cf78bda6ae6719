"""One optimiser step of the lean trainer, on Accelerate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from zaoju.errors import UserError
from zaoju.models import CausalLM, has_bfloat16
from zaoju.training import Batches, HasState, count_processes, process_number
from zaoju_builtin.trainers.compiling import compiled_loss
from zaoju_builtin.trainers.new_rows import NewRows
from zaoju_builtin.trainers.optimisers import default_learning_rate, make_optimisers
from zaoju_builtin.trainers.options import LeanOptions
from zaoju_builtin.trainers.sharding import (
    WholeState,
    gathered,
    shard,
    sharding_of,
    whole,
    with_layers,
    without_weights,
)
from zaoju_builtin.trainers.weight_averages import WeightAverages

if TYPE_CHECKING:
    from accelerate import Accelerator  # type: ignore[import-untyped]  # ships no annotations


@dataclass(frozen=True, slots=True)
class Stepped:
    """What a step gave. The tensors are on the device, which may not have come to them yet."""

    loss: torch.Tensor
    """The mean over the tokens of the step."""

    gradient_norm: torch.Tensor
    """Before it was clipped."""

    tokens: int
    """How many the step predicted."""


def read_all(steps: Sequence[Stepped]) -> list[tuple[float, float]]:
    """The loss and the norm of the gradient of each step. Waits for the device, once."""
    numbers = torch.stack([part for step in steps for part in (step.loss, step.gradient_norm)]).tolist()
    return list(zip(numbers[::2], numbers[1::2], strict=True))


class LeanLoop:
    """A model, its optimisers and its batches; `step` moves all three on.

    Of several processes each takes its rows of every batch, and Accelerate's DistributedDataParallel averages their
    gradients, so that a step is what it would be in one process. With `sharding` FSDP2 does, each process owns a part
    of the weights, and `model` has them only where they are gathered, in `whole` and `averaged`.
    """

    def __init__(
        self,
        model: CausalLM,
        batches: Batches,
        options: LeanOptions,
        accelerator: Accelerator,
        *,
        seed: int,
        trained_before: bool,
        first_new: int | None = None,
        compiled: bool = False,
    ) -> None:
        self._compiled = compiled
        self.batches = batches
        self._options = options
        self._accelerator = accelerator
        self._seed = seed
        self._processes, self._number = count_processes(), process_number()
        self.sharding = sharding_of(options)
        self._is_sharded = self.sharding.stage > 0
        divided = with_layers(model, options) if self._is_sharded else None
        # Held-out text is looked at in the main process alone, so by the bare model.
        bare = model if divided is None else without_weights(divided)
        self.model: CausalLM = accelerator.prepare_model(bare, evaluation_mode=True)
        # Accelerate wraps its forward pass in the precision that was asked for.
        if divided is None:
            self._loss = accelerator.prepare(_Loss(model, compiled))
        else:
            # Layer by layer `shard` moves the weights to the device, which may not hold them all.
            self._loss = accelerator.prepare_model(_Loss(model, compiled), device_placement=False, evaluation_mode=True)
            shard(self._loss, divided, self.sharding, accelerator.device)
        self._trained = model
        self.model.train()
        self._new_rows = None if first_new is None else NewRows(self.model, first_new)
        muon = options.optimiser == "muon"
        self.learning_rate = options.learning_rate or default_learning_rate(model.width, trained_before, muon=muon)
        self.new_rows_learning_rate = options.new_rows_learning_rate or default_learning_rate(model.width, False)
        numbers = torch.bfloat16 if accelerator.mixed_precision == "bf16" else torch.float32
        # AcceleratedOptimizer takes and gives the state of the optimiser inside.
        self.optimisers: list[torch.optim.Optimizer] = [
            accelerator.prepare(optimiser) for optimiser in make_optimisers(self._trained, options, numbers)
        ]
        self._averages = None if options.ema is None else WeightAverages(self.model, options.ema)

    def states(self) -> Sequence[HasState]:
        """All that has a state for each weight, which a checkpoint must hold: the optimisers, and the averages.

        Every process must ask at once, since what is divided is gathered.
        """
        if self._is_sharded:
            return [WholeState(optimiser) for optimiser in self.optimisers]
        return self.optimisers if self._averages is None else [*self.optimisers, self._averages]

    def whole(self) -> AbstractContextManager[None]:
        """In the block the model has all its weights, in the main process; all must enter it at once."""
        return gathered(self._trained, self.model) if self._is_sharded else nullcontext()

    def averaged(self) -> AbstractContextManager[None]:
        """In the block the model is whole, and the one to score and to keep: with `ema` its weights are their
        averages."""
        return self.whole() if self._averages is None else self._averages.in_place()

    @property
    def manner(self) -> str:
        """What is done otherwise than in a plain loop, and changes how numbers round."""
        return "compiled" if self._compiled else self.sharding.name if self._is_sharded else ""

    @property
    def tokens_per_step(self) -> int:
        """How many tokens a step holds, on average; of conversations a part of them is predicted."""
        return self.batches.tokens_per_batch * self._options.accumulate

    def step(self, data: int, learning_rate: float, *, new_rows_alone: bool = False) -> Stepped:
        """Do a step on part `data` of the data, which is the step's number, counted from 0, where none is skipped."""
        if self._new_rows is not None:
            self._new_rows.alone(new_rows_alone)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = learning_rate * group.get("faster", 1.0)
                # Decay reaches rows without a gradient too.
                group["weight_decay"] = 0.0 if new_rows_alone else group["decay"]
        if self._number:
            # Dropout is another one in every process, and the checkpoint need hold the state of the main one alone.
            (own,) = np.random.SeedSequence([self._seed, self._number, data]).generate_state(1, np.uint64)
            torch.manual_seed(int(own))
        total, norm = torch.zeros(2, device=self._accelerator.device)
        passes = self._options.accumulate
        batches = [self.batches.batch(index) for index in range(data * passes, (data + 1) * passes)]
        counts = [int((targets >= 0).sum()) for _, targets in batches]
        for batch in batches:
            own_ids, own_targets = (part[self._number :: self._processes] for part in batch)
            # Every token of the step weighs the same, whichever pass or process it is in: the passes and the processes
            # are averaged.
            share = int((own_targets >= 0).sum()) * passes * self._processes / max(1, sum(counts))
            ids, targets = own_ids.to(self._accelerator.device), own_targets.to(self._accelerator.device)
            with self._accelerator.accumulate(self._loss):
                loss = self._loss(ids, targets) * share
                self._accelerator.backward(loss)
                if self._accelerator.sync_gradients:
                    if self._new_rows is not None:
                        self._new_rows.hold()
                    norm = whole(self._accelerator.clip_grad_norm_(self._trained.parameters(), self._options.clip))
                for optimiser in self.optimisers:
                    optimiser.step()
                    optimiser.zero_grad()
            total += loss.detach()
        if self._averages is not None:
            self._averages.step()
        return Stepped(self._accelerator.reduce(total / passes, "mean"), norm, sum(counts))

    def try_step(self, number: int) -> None:
        """A step on part `number` of the data, to see how long it takes. Waits for it."""
        read_all([self.step(number, self.learning_rate)])

    def try_pass(self, index: int) -> int:
        """One pass over batch `index`, forwards and backwards, to see how long it takes; its tokens. Waits for it."""
        ids, targets = (part.to(self._accelerator.device) for part in self.batches.batch(index))
        loss = self._loss(ids, targets)
        self._accelerator.backward(loss)
        loss.item()
        return int((targets >= 0).sum())


class _Loss(nn.Module):
    """The loss of a model as its forward pass, which is what DistributedDataParallel prepares for."""

    def __init__(self, model: CausalLM, compiled: bool) -> None:
        super().__init__()
        self.model = model
        self._compiled = compiled_loss(model) if compiled else None

    def forward(self, ids: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return self.model.loss(ids, targets) if self._compiled is None else self._compiled(ids, targets)


@contextmanager
def accelerator_for(device: str, options: LeanOptions) -> Iterator[Accelerator]:
    """An accelerator for one run. Accelerate keeps a global state, which is cleared afterwards: a process may train
    again, on another device."""
    from accelerate import Accelerator

    accelerator = Accelerator(
        cpu=device == "cpu",
        mixed_precision="bf16" if computes_in_bfloat16(device, options) else "no",
        gradient_accumulation_steps=options.accumulate,
    )
    try:
        yield accelerator
    finally:
        forget_accelerate()


def computes_in_bfloat16(device: str, options: LeanOptions) -> bool:
    """Whether layers compute in bfloat16. Raises `UserError` where that was asked for and would be slow."""
    if options.precision == "float32":
        return False
    there_is = has_bfloat16(torch.device(device))
    if options.precision == "bfloat16" and not there_is:
        raise UserError(
            f"trainer.precision: bfloat16 was asked for, and the device {device} has no instructions for it, so it "
            "would be slower than float32; take auto or float32"
        )
    return there_is


def forget_accelerate() -> None:
    """Clear the global state of Accelerate."""
    from accelerate.state import AcceleratorState, GradientState  # type: ignore[import-untyped]  # no annotations

    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()
