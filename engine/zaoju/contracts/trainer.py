"""The contract of a trainer: a training run in, a model folder out."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Generic

from zaoju.contracts.events import EventSink
from zaoju.contracts.options import OptionsT_co

if TYPE_CHECKING:
    from zaoju.models import CausalLM
    from zaoju.models.plan import ModelPlan


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """All that a trainer gets. The engine has made the folders and checked that the parts agree."""

    model: ModelPlan
    train: Path
    """A folder of packed tokens; `zaoju.tokenization.PackedTokens.open` reads it."""

    held_out: Path
    """Packed tokens of documents that are never trained on."""

    checkpoints: Path
    """Where checkpoints go. One that is there when the run begins is to be continued."""

    artefact: Path
    """Where the finished model goes: a folder that does not exist yet and must appear whole."""

    seed: int
    device: str
    """`cpu`, `cuda` or `mps`, already chosen."""

    emit: EventSink
    """Report `TrainStep`, `CheckpointSaved`, `Progress` and `Notice` here."""

    observe: Callable[[int, CausalLM], float]
    """Call it now and then as `observe(step, model)`: the engine scores held-out text, writes sample texts, and returns
    the bits per character, by which the best model is kept."""

    cancel: threading.Event
    """When it is set, save a checkpoint, then raise `zaoju.Cancelled`."""

    inexact: bool = False
    """Whether a checkpoint of another environment (versions, threads, device) may be gone on from, though not bit for
    bit. Without it, refuse with the list of differences."""


class Trainer(ABC, Generic[OptionsT_co]):
    """Makes a model from packed tokens and leaves it in `run.artefact`.

    A Transformer's folder must load in `transformers`; checkpoints bear the parameter names of transformers.
    """

    trains_together: ClassVar[bool] = False
    """Whether it can train in several processes, which `torchrun` starts. All of them call `preflight` and `train` with
    the same run, in a group of torch.distributed; only the main one may call `observe` and write files
    (`zaoju.training.main_does`). Their `cancel` may be set at different times (`any_process`)."""

    def __init__(self, options: OptionsT_co) -> None:
        self.options = options

    @abstractmethod
    def preflight(self, run: TrainingRun) -> Preflight:
        """What the run will do, known before it starts. Called in the preflight; must be quick."""

    @abstractmethod
    def train(self, run: TrainingRun) -> None:
        """Train, resuming from `run.checkpoints` where there is one, and leave the model in `run.artefact`."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """What a training run will do."""

    steps: int
    tokens_per_step: int
    parameters: int
    memory_bytes: int
    """An estimate of the peak: weights, gradients, optimiser and activations."""

    seconds: float | None
    """An estimate from timed steps; None where it was not timed."""
