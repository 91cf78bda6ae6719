"""What a device sends in one step, in bytes."""

from __future__ import annotations

from dataclasses import dataclass

from zaoju.planning.precision import TrainingPrecision
from zaoju.planning.shape import ModelShape
from zaoju.planning.sharding import Sharding


@dataclass(frozen=True, slots=True)
class Communication:
    """Bytes that each device sends in a step of `passes` passes."""

    data: float
    """Gradients, and with stage 3 weights. Rajbhandari et al., 2020, section 7: 2 P numbers, 3 P with stage 3."""

    tensor: float
    """Four all-reduces of s b h in each layer and pass (Narayanan et al., 2021, section 3.2)."""

    pipeline: float
    """The vectors of all tokens to the next stage, and their gradients to the one before."""


def communication(
    shape: ModelShape, sharding: Sharding, precision: TrainingPrecision, sequences: int, passes: int, weights: float
) -> Communication:
    """Of a step, on a device that holds `weights`. A ring sends 2 (n - 1) / n of what it reduces."""
    tokens = sequences * passes * shape.context
    stream = tokens * shape.width * precision.computes
    rounds = 3 if sharding.stage == 3 else 2
    layers = shape.layers / sharding.pipeline
    return Communication(
        data=rounds * precision.gradient * weights * _part(sharding.data),
        tensor=4 * 2 * layers * stream * _part(sharding.tensor),
        pipeline=2 * stream / sharding.tensor if sharding.pipeline > 1 else 0.0,
    )


def _part(devices: int) -> float:
    return (devices - 1) / devices
