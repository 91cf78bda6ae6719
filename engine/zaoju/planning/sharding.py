"""How a model is divided among devices, and what is computed twice to save memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

from zaoju.errors import ConfigError, did_you_mean
from zaoju.planning.shape import ModelShape

Checkpointing: TypeAlias = Literal["none", "selective", "full"]
"""What is not kept but computed again: nothing, the scores of attention, or all but the input of each layer."""

CHECKPOINTING: tuple[Checkpointing, ...] = get_args(Checkpointing)

STAGES: tuple[str, ...] = ("ddp", "zero1", "zero2", "zero3")
"""The stages of ZeRO by number. `zero3` is FSDP2, `zero2` FSDP2 without resharding after the forward pass."""

_TENSOR_SIZES = (2, 4, 8)
"""Tensor parallelism stays among the devices that fast links join (Narayanan et al., 2021, section 3)."""


@dataclass(frozen=True, slots=True)
class Sharding:
    """Data parallelism with a stage of ZeRO, around tensor parallelism, around pipeline parallelism."""

    stage: int = 0
    data: int = 1
    tensor: int = 1
    pipeline: int = 1
    checkpointing: Checkpointing = "none"

    @property
    def devices(self) -> int:
        """How many devices it takes."""
        return self.data * self.tensor * self.pipeline

    @property
    def name(self) -> str:
        """Such as `ddp`, `zero3`, `tensor 8` and `tensor 8, pipeline 16, zero1`."""
        parts = [f"{kind} {size}" for kind, size in (("tensor", self.tensor), ("pipeline", self.pipeline)) if size > 1]
        alone = not parts
        if alone or (self.stage and self.data > 1):
            parts.append(STAGES[self.stage] if self.devices > 1 else "one device")
        return ", ".join(parts)


def check_checkpointing(name: str) -> Checkpointing:
    """The name as what it is. Raises `ConfigError`."""
    for known in CHECKPOINTING:
        if name == known:
            return known
    raise ConfigError(
        f"plan: there is no checkpointing {name!r}{did_you_mean(name, CHECKPOINTING)}; there are "
        f"{', '.join(CHECKPOINTING)}"
    )


def shardings(shape: ModelShape, devices: int, checkpointing: Checkpointing) -> Iterator[Sharding]:
    """Every sharding to consider for `devices`, the one that is simplest and talks least first.

    Plain data parallelism and the stages of ZeRO, then tensor parallelism inside a node, then the pipeline around it,
    with the optimiser divided among what data parallelism is left.
    """
    first = Sharding(data=devices, checkpointing=checkpointing)
    yield from (replace(first, stage=stage) for stage in range(len(STAGES) if devices > 1 else 1))
    tensors = [size for size in _TENSOR_SIZES if devices % size == 0 and _splits(shape, size)]
    yield from (Sharding(stage=1, data=devices // size, tensor=size, checkpointing=checkpointing) for size in tensors)
    largest = max(tensors, default=1)
    for pipeline in range(2, shape.layers + 1):
        if shape.layers % pipeline == 0 and (devices // largest) % pipeline == 0:
            data = devices // largest // pipeline
            yield Sharding(1, data, largest, pipeline, checkpointing)


def _splits(shape: ModelShape, tensor: int) -> bool:
    """Whether the heads of queries and of keys, and the feed-forward part, can be divided by `tensor`."""
    head_width = shape.query_width // shape.heads
    key_heads = shape.key_width // head_width
    return not (shape.heads % tensor or key_heads % tensor or shape.inner_width % tensor)
