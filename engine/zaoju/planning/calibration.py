"""How long a step takes on a machine that was seen to do some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from zaoju.planning.activations import layer_bytes
from zaoju.planning.compute import flops_per_token
from zaoju.planning.memory import Pass
from zaoju.planning.shape import ModelShape

_LOGIT_BYTES = 4

_STREAMED = 0.1
"""What a byte of weights, gradients and moments counts, which an update goes over in one stream, beside a byte that a
layer keeps, which several small operations read and write. A profile of GPT-2 124M on a CPU has the fused AdamW at 0.1
ns a byte, where `benchmarks/plan.py` finds about 1 ns for a byte of the layers."""


@dataclass(frozen=True, slots=True)
class MeasuredStep:
    """A step of one pass, with its update of the weights, that was timed."""

    shape: ModelShape
    one: Pass
    seconds: float
    peak_bytes: int | None = None
    """The most memory that the process took beyond what it held before; None where the system does not say."""


@dataclass(frozen=True, slots=True)
class StepRate:
    """A step takes the time of its arithmetic and the time of what it writes and reads.

    Small models do less with each number that they read, so that a single figure in FLOP/s, taken of one size, would be
    wrong for others: the roofline model (Williams et al., 2009), with sums in place of the larger one.
    """

    seconds_per_flop: float
    seconds_per_byte: float
    """For each byte that is kept for the backward pass or in the optimiser."""

    @classmethod
    def fit(cls, steps: Sequence[MeasuredStep]) -> Self:
        """The two rates that come nearest to what was measured, by the squares of the relative errors.

        Neither is below zero: where the best pair has a negative one, the other explains all.
        """
        rows = [
            (flops_of_step(step.shape, step.one) / step.seconds, bytes_of_step(step.shape, step.one) / step.seconds)
            for step in steps
        ]
        aa, ab, bb = (sum(row[i] * row[j] for row in rows) for i, j in ((0, 0), (0, 1), (1, 1)))
        a, b = (sum(row[i] for row in rows) for i in (0, 1))
        determinant = aa * bb - ab * ab
        if determinant > 1e-9 * aa * bb:
            flop, byte = (a * bb - b * ab) / determinant, (b * aa - a * ab) / determinant
            if flop >= 0 and byte >= 0:
                return cls(flop, byte)
        alone = cls(a / aa, 0.0), cls(0.0, b / bb)
        return min(alone, key=lambda rate: sum((rate.seconds(s.shape, s.one) / s.seconds - 1) ** 2 for s in steps))

    def seconds(self, shape: ModelShape, one: Pass, passes: int = 1) -> float:
        """The time of a step of so many passes."""
        arithmetic = flops_of_step(shape, one, passes) * self.seconds_per_flop
        return arithmetic + bytes_of_step(shape, one, passes) * self.seconds_per_byte


def flops_of_step(shape: ModelShape, one: Pass, passes: int = 1) -> float:
    """The arithmetic of a step."""
    return passes * one.sequences * shape.context * flops_per_token(shape)


def bytes_of_step(shape: ModelShape, one: Pass, passes: int = 1) -> float:
    """What a step goes over, to which what it moves is about in proportion.

    In each pass what the layers keep, the logits, the weights and the gradients; once the states of the model.
    """
    precision = one.precision
    layer = layer_bytes(shape, precision, dropout=one.dropout, scores=not one.flash)
    token = shape.layers * layer + shape.vocabulary * _LOGIT_BYTES
    kept = one.sequences * shape.context * token
    states = passes * (precision.weight + precision.gradient) + precision.state
    return passes * kept + _STREAMED * states * shape.parameters


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a machine was seen to do."""

    device: str
    """`cpu`, `cuda` or `mps`."""

    precision: str
    """The name of the precision in which the trainer computes there."""

    memory: int | None
    """Bytes that can be taken on it; None where the system does not say."""

    steps: tuple[MeasuredStep, ...]
    rate: StepRate
