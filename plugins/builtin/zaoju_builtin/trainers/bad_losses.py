"""Losses that are no numbers or spike, by which a training is stopped or taken back."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from zaoju.contracts import Notice, TrainingRun
from zaoju.errors import UserError
from zaoju.training import Batches, Counters, Meter
from zaoju_builtin.trainers.lean_loop import Stepped, read_all
from zaoju_builtin.trainers.options import TrainerOptions

_WINDOW = 64
_FEWEST = 16
"""How many losses a spike is measured against, and without how many none is seen."""

_DEVIATION_OF_NORMAL = 1.4826
"""The standard deviation of a normal distribution, in median absolute deviations."""

_LEAST_SHARE = 0.01
"""Losses that hardly differ have no deviation to speak of: it counts as this share of their median at least."""

_MOST_NAMED = 12


class LossWatch:
    """Looks at the loss and the gradient's norm of every step, in order.

    A loss is a spike where it is more than `spike` deviations above the median of the last 64 good ones, with the
    deviation taken from their median absolute deviation: both stay what they are where single losses are wild. Without
    `spike` only what is no finite number is bad.
    """

    def __init__(self, spike: float | None, recent: Sequence[float]) -> None:
        self._spike = spike
        self._recent = deque(recent, maxlen=_WINDOW)

    @property
    def recent(self) -> list[float]:
        """What a resumed training must know to see the same spikes."""
        return list(self._recent)

    def find_fault(self, loss: float, gradient_norm: float) -> str:
        """What is wrong with a step, for a person; an empty string where nothing is."""
        if not math.isfinite(loss):
            return f"the loss is {loss}"
        if not math.isfinite(gradient_norm):
            return f"the norm of the gradient is {gradient_norm}"
        if self._spike is None:
            return ""
        if len(self._recent) >= _FEWEST:
            median = statistics.median(self._recent)
            spread = statistics.median(abs(one - median) for one in self._recent)
            deviation = max(_DEVIATION_OF_NORMAL * spread, _LEAST_SHARE * median)
            if loss > median + self._spike * deviation:
                return (
                    f"the loss spikes to {loss:.3f}, {(loss - median) / deviation:.1f} deviations above {median:.3f}, "
                    f"the median of the last {len(self._recent)} steps,"
                )
        self._recent.append(loss)
        return ""

    def find_bad(self, losses: Sequence[tuple[float, float]], counters: Counters) -> BadStep | None:
        """The first bad one of the last steps up to `counters`, given the loss and the gradient's norm of each."""
        for number, (loss, norm) in enumerate(losses, counters.step - len(losses)):
            fault = self.find_fault(loss, norm)
            if fault:
                return BadStep(number, counters.data_of(number), fault)
        return None


@dataclass(frozen=True, slots=True)
class BadStep:
    """A step after which the model is not to be kept."""

    step: int
    """Counted from 0."""

    data: int
    """The place of its data, as `Counters.data_of` has it."""

    fault: str

    def describe(self, batches: Batches, passes: int, steps: int) -> str:
        """The step, its batches and the documents in them, for a person."""
        numbers = range(self.data * passes, (self.data + 1) * passes)
        documents = sorted({document for number in numbers for document in batches.documents(number)})
        named = ", ".join(str(document) for document in documents[:_MOST_NAMED])
        more = f" and {len(documents) - _MOST_NAMED} more" if len(documents) > _MOST_NAMED else ""
        which = f"batch {numbers[0]}" if passes == 1 else f"batches {numbers[0]} to {numbers[-1]}"
        return (
            f"{self.fault} in step {self.step + 1} of {steps} ({which}, with the documents {named}{more} of the "
            "training text, counted from 0)"
        )


def report_steps(
    run: TrainingRun, meter: Meter, watch: LossWatch, counters: Counters, unread: Sequence[tuple[float, Stepped]]
) -> BadStep | None:
    """Look at the last steps up to `counters`, each with its learning rate, and tell of the last one.

    A bad one is given back instead. The device is waited for once.
    """
    losses = read_all([stepped for _, stepped in unread])
    bad = watch.find_bad(losses, counters)
    if bad is None:
        loss, norm = losses[-1]
        run.emit(meter.measure(counters, loss, unread[-1][0], norm))
    return bad


def take_back(
    run: TrainingRun,
    options: TrainerOptions,
    counters: Counters,
    batches: Batches,
    bad: BadStep,
    *,
    peak: float,
    option: str = "learning_rate",
) -> None:
    """Say that the training is taken back before `bad`, whose learning rate is at most `peak`, which `option` sets.

    Raises `UserError` where the training is to stop.
    """
    what = bad.describe(batches, options.accumulate, counters.steps)
    done = len(counters.skipped)
    if options.on_bad_loss == "roll_back" and done < options.most_roll_backs:
        of = "the data of this step" if options.skip_steps == 1 else f"the data of {options.skip_steps} steps"
        run.emit(
            Notice(
                f"{what}: going back to the last checkpoint before it, and leaving out {of}; this is number "
                f"{done + 1} of at most {options.most_roll_backs}"
            )
        )
        return
    again = "set trainer.on_bad_loss to roll_back to leave this data out"
    if options.on_bad_loss == "roll_back":
        again = f"it was taken back {done} times, which is trainer.most_roll_backs, so it is not the data alone"
    raise UserError(
        f"{what}, so the model is lost from here on. The checkpoints before it are kept. Set trainer.{option} "
        f"below {peak:g}, or trainer.warmup higher; {again}"
    )


def left_out(counters: Counters, bad: BadStep, options: TrainerOptions) -> Sequence[Sequence[int]]:
    """All data to leave out from now on, as `Counters.skipped` has it."""
    return sorted([*counters.skipped, (bad.data, options.skip_steps)], key=tuple)
