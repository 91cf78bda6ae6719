"""The memory of the device that holds most, part by part."""

from __future__ import annotations

from dataclasses import dataclass

from zaoju.planning.activations import layer_bytes, working_bytes
from zaoju.planning.precision import TrainingPrecision
from zaoju.planning.shape import ModelShape
from zaoju.planning.sharding import Sharding
from zaoju.planning.states import state_bytes

_GATHERED_LAYERS = 2
"""FSDP2 gathers the next layer while it computes with one."""

_LOGITS_OF_A_CHUNK = 2
"""The logits and their logarithms, in float32; the gradient takes the place of these."""

_LOGITS_OF_ALL = 3
"""The same without chunks: the logarithms and two gradients, on the way back."""

_ALLOCATOR = 1.1
_KERNELS = 25e6
_FRAGMENTS = 30

_ENDS = 2
"""Vectors beside those of the layers: what goes into the last norm, and its gradient after the loss."""


@dataclass(frozen=True, slots=True)
class DeviceMemory:
    """Bytes of a device while it trains."""

    weights: float
    gradients: float
    optimiser: float
    gathered: float
    """Whole layers of which the device owns a part only, at the time it computes with them."""

    activations: float
    """What the layers keep for the backward pass."""

    loss: float
    """Logits, and the gradient of the head's weights, which is there before any other."""

    overlaps: bool
    """Whether gradients are made while activations go, as in a step of one pass on one device: then only the larger
    counts. Where gradients stay from pass to pass, both do."""

    @property
    def total(self) -> float:
        """The peak."""
        kept = self.activations + self.loss
        moving = max(self.gradients, kept) if self.overlaps else self.gradients + kept
        return self.weights + self.optimiser + self.gathered + moving


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass over some sequences on one device."""

    sequences: int
    """Each as long as the model's context."""

    precision: TrainingPrecision
    dropout: bool = False
    flash: bool = True
    """Whether attention is computed without keeping its scores."""

    most_logits: int | None = None
    """The most logits that the loss holds at once; None for all."""

    accumulates: bool = False
    """Whether several passes make a step."""


def device_memory(shape: ModelShape, sharding: Sharding, one: Pass) -> DeviceMemory:
    """The memory of the device with the most weights; with a pipeline that is the first or the last one.

    A stage of a pipeline keeps as many passes as there are stages after it, so the first keeps what all layers keep for
    one pass (Korthikanti et al., 2022, equation 5).
    """
    precision = one.precision
    weights = heaviest_parameters(shape, sharding)
    states = state_bytes(weights, precision, sharding.stage, sharding.data)
    tokens = one.sequences * shape.context
    vocabulary = shape.vocabulary / sharding.tensor
    # In 16 bits, the logits and their gradient stand beside those in float32.
    each = 4 * _LOGITS_OF_ALL if one.most_logits is None else 4 * _LOGITS_OF_A_CHUNK
    each += 2 * precision.computes if precision.computes < 4 else 0
    logits = tokens * vocabulary if one.most_logits is None else min(tokens * vocabulary, one.most_logits)
    head = precision.gradient * vocabulary * shape.width
    return DeviceMemory(
        weights=states.weights,
        gradients=states.gradients,
        optimiser=states.optimiser,
        gathered=_gathered(shape, sharding, precision),
        activations=tokens * _kept_for_a_token(shape, sharding, one),
        loss=each * logits + 2 * head,
        overlaps=sharding.devices == 1 and not one.accumulates,
    )


def taken_from_system(tensors: float, shape: ModelShape, tokens: int) -> float:
    """What a process takes for so many bytes of tensors while it goes over `tokens` tokens in float32 on a CPU.

    An allocator cannot use all that it has, least of all after a Llama's many small operations, and kernels need room
    of their own. The three figures are measured, by `benchmarks/plan.py` on Linux. The libraries come on top.
    """
    fragments = 4 * tokens * shape.width * _FRAGMENTS if shape.gated else 0
    return (tensors + fragments) * _ALLOCATOR + _KERNELS


def heaviest_parameters(shape: ModelShape, sharding: Sharding) -> float:
    """Weights of the heaviest stage of a pipeline on one of its tensor-parallel devices.

    The first stage has the embeddings, the last one the head: where they are tied, each has a copy (Narayanan et al.,
    2021).
    """
    return max(stage_parameters(shape, sharding, stage) for stage in (0, sharding.pipeline - 1))


def stage_parameters(shape: ModelShape, sharding: Sharding, stage: int) -> float:
    """Weights of stage number `stage` of the pipeline on one of its tensor-parallel devices."""
    tensor, last = sharding.tensor, sharding.pipeline - 1
    layer = (shape.layer_matrices + shape.split_vectors) / tensor + shape.whole_vectors
    weights = layer * shape.layers / sharding.pipeline
    if stage == 0:
        weights += shape.embedding_parameters / tensor + shape.position_parameters
    if stage == last:
        own_head = shape.head_parameters or (shape.embedding_parameters if last else 0)
        weights += own_head / tensor + shape.norm_parameters
    return weights


def _gathered(shape: ModelShape, sharding: Sharding, precision: TrainingPrecision) -> float:
    if sharding.stage < 3 or sharding.data == 1:
        return 0.0
    # Never more than what the other devices own.
    layers = min(_GATHERED_LAYERS, shape.layers * (1 - 1 / sharding.data))
    return layers * precision.computes * shape.layer_parameters / sharding.tensor


def _kept_for_a_token(shape: ModelShape, sharding: Sharding, one: Pass) -> float:
    """Bytes for each token of a pass: all layers, what is beside them, and the work on one of them."""
    scores = not one.flash and sharding.checkpointing != "selective"
    layer = layer_bytes(shape, one.precision, dropout=one.dropout, scores=scores, tensor=sharding.tensor)
    ends = _ENDS * shape.width * one.precision.stream / sharding.tensor
    working = working_bytes(shape, one.precision) / sharding.tensor
    if sharding.checkpointing == "full":
        inputs = one.precision.stream * shape.width
        return shape.layers * inputs + layer + ends + working
    return shape.layers * layer + ends + working
