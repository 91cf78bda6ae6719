"""In which numbers a model trains, and how many bytes each weight and each kept value takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from zaoju.errors import ConfigError, did_you_mean


@dataclass(frozen=True, slots=True)
class TrainingPrecision:
    """Bytes of everything that training keeps. AdamW's two moments are float32 always."""

    name: str
    weight: int
    gradient: int
    optimiser: int
    """The two moments, the float32 copy of the weights where they are bf16, and their moving averages where there are
    any."""

    value: int
    """A value that the layers keep for the backward pass."""

    stream: int
    """The same of the residual stream, to which every layer adds."""

    computes: int
    """A weight as the layers use it, gathered from other devices or cast."""

    @property
    def state(self) -> int:
        """All bytes of a weight, its gradient and its optimiser."""
        return self.weight + self.gradient + self.optimiser

    def with_averages(self) -> Self:
        """The same where a float32 moving average of every weight is kept beside its moments."""
        return replace(self, optimiser=self.optimiser + 4)


PRECISIONS: Mapping[str, TrainingPrecision] = {
    "float32": TrainingPrecision("float32", weight=4, gradient=4, optimiser=8, value=4, stream=4, computes=4),
    "bf16": TrainingPrecision("bf16", weight=2, gradient=2, optimiser=12, value=2, stream=2, computes=2),
    "autocast": TrainingPrecision("autocast", weight=6, gradient=4, optimiser=8, value=2, stream=4, computes=2),
}
"""`bf16`: bf16 weights with a float32 copy in the optimiser, 2 + 2 + 12 bytes (Rajbhandari et al., 2020, section 3.1).
`autocast`: float32 weights, of which torch keeps bf16 casts for the backward pass; so the trainer `lean` trains
where a device has bf16."""


def precision_named(name: str) -> TrainingPrecision:
    """The precision of a name. Raises `ConfigError`."""
    if name not in PRECISIONS:
        raise ConfigError(
            f"plan: there is no precision {name!r}{did_you_mean(name, PRECISIONS)}; there are {', '.join(PRECISIONS)}"
        )
    return PRECISIONS[name]
