"""What the engine reports while it works. One event, one dataclass; a caller's callback gets them all.

The callback runs in the thread that does the work, so it should return soon. An exception from it stops the work.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StageStarted:
    """A stage begins to work in `folder`."""

    stage: str
    folder: Path


@dataclass(frozen=True, slots=True)
class StageSkipped:
    """A stage has nothing to do: `folder` already holds its results for the same inputs."""

    stage: str
    folder: Path


@dataclass(frozen=True, slots=True)
class StageFinished:
    """A stage has left its results in `folder`."""

    stage: str
    folder: Path
    seconds: float


@dataclass(frozen=True, slots=True)
class Progress:
    """Part of something long is done."""

    task: str
    """What is being done, for a person: `segmenting`, `training`."""

    done: int
    total: int | None
    """None where the end is not known beforehand."""

    unit: str
    """What `done` counts: `documents`, `bytes`, `steps`, `characters`."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the user should know, though the work goes on."""

    message: str


@dataclass(frozen=True, slots=True)
class TrainStep:
    """An optimiser step is done."""

    step: int
    steps: int
    loss: float
    """Mean over the step's tokens, in nats per token."""

    learning_rate: float
    tokens: int
    """All tokens trained on so far, earlier parts of a resumed run included."""

    tokens_per_second: float

    gradient_norm: float | None = None
    """The norm of the gradient of all weights, before it was clipped; None where the trainer does not tell."""

    peak_memory: int | None = None
    """The most bytes taken so far: of the GPU, or on a CPU by the whole process; None where that is not known."""

    flops_utilisation: float | None = None
    """Model FLOPs utilisation, from 0 to 1: the arithmetic that the tokens need as a share of the device's peak."""


@dataclass(frozen=True, slots=True)
class HeldOutScored:
    """Held-out text was scored during training."""

    step: int
    bits_per_character: float


@dataclass(frozen=True, slots=True)
class SampleWritten:
    """The model in training has continued a prompt."""

    step: int
    prompt: str
    text: str
    """The continuation, without the prompt."""


@dataclass(frozen=True, slots=True)
class CheckpointSaved:
    """A checkpoint is complete on disk."""

    step: int
    folder: Path


Event = (
    StageStarted
    | StageSkipped
    | StageFinished
    | Progress
    | Notice
    | TrainStep
    | HeldOutScored
    | SampleWritten
    | CheckpointSaved
)

EventSink = Callable[[Event], None]
