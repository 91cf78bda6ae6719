"""The tracker `tensorboard`: event files as torch's `SummaryWriter` writes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from zaoju import Event, Options, TrackedTraining, Tracker
from zaoju.contracts import CheckpointSaved, HeldOutScored, SampleWritten, TrainStep


class TensorBoardTracker(Tracker[Options]):
    """Writes what happens in a training into event files, which `tensorboard --logdir RUN` shows."""

    def begin(self, training: TrackedTraining) -> None:
        self._training = training
        self._writer = _Writer(training.folder)

    def report(self, event: Event) -> None:
        match event:
            case TrainStep():
                self._writer.add_numbers(event.step, self._numbers(event))
            case HeldOutScored():
                self._writer.add_numbers(event.step, {"held_out/bits_per_character": event.bits_per_character})
            case SampleWritten():
                self._writer.add_text(event.step, "samples", f"{event.prompt}│{event.text}")
            case CheckpointSaved():
                # A training that is killed goes on from here, so what comes before must be on the disk.
                self._writer.flush()

    def end(self) -> None:
        self._writer.close()

    def _numbers(self, event: TrainStep) -> dict[str, float | None]:
        return {
            "train/bits_per_character": self._training.bits_per_character(event.loss),
            "train/gradient_norm": event.gradient_norm,
            "train/learning_rate": event.learning_rate,
            "train/loss": event.loss,
            "machine/flops_utilisation": event.flops_utilisation,
            "machine/peak_memory_bytes": event.peak_memory,
            "machine/tokens_per_second": event.tokens_per_second,
        }


class _Writer:
    """Writes into a folder. Where the steps go back, TensorBoard is told to forget those that come again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: SummaryWriter | None = None
        self._step = 0

    def add_numbers(self, step: int, numbers: Mapping[str, float | None]) -> None:
        writer = self._at(step)
        for name, number in numbers.items():
            if number is not None:
                writer.add_scalar(name, number, step)

    def add_text(self, step: int, name: str, text: str) -> None:
        self._at(step).add_text(name, text, step)

    def flush(self) -> None:
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _at(self, step: int) -> SummaryWriter:
        """The writer, a new one where `step` begins a part of the training."""
        if step < self._step:
            self.close()
        if self._writer is None:
            self._writer = SummaryWriter(str(self._folder), purge_step=step)
        self._step = step
        return self._writer
