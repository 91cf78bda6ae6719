"""The memory of weights, gradients and optimiser on each device, by what is divided among the devices.

Rajbhandari et al., 2020, "ZeRO: Memory Optimizations Toward Training Trillion Parameter Models", section 5,
figure 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from zaoju.planning.precision import TrainingPrecision


@dataclass(frozen=True, slots=True)
class StateBytes:
    """What a device holds of the model itself, in bytes."""

    weights: float
    gradients: float
    optimiser: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.weights + self.gradients + self.optimiser


def state_bytes(parameters: float, precision: TrainingPrecision, stage: int, devices: int) -> StateBytes:
    """The model states on each of `devices` data-parallel devices, by the stage of ZeRO.

    With N devices, P weights and Adam in mixed precision (2 + 2 + 12 bytes a weight):

    * stage 0, plain data parallelism (DDP): 16 P;
    * stage 1, the optimiser is divided: 4 P + 12 P / N;
    * stage 2, gradients too: 2 P + 14 P / N. FSDP2 without resharding after the forward pass comes to this;
    * stage 3, weights too: 16 P / N. This is FSDP2.
    """
    weights = precision.weight * parameters
    gradients = precision.gradient * parameters
    optimiser = precision.optimiser * parameters
    return StateBytes(
        weights=weights / devices if stage >= 3 else weights,
        gradients=gradients / devices if stage >= 2 else gradients,
        optimiser=optimiser / devices if stage >= 1 else optimiser,
    )
