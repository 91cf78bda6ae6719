"""A training on paper: what it takes of memory, time and money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from zaoju.errors import ConfigError
from zaoju.planning.calibration import StepRate
from zaoju.planning.compute import (
    DAY,
    TYPICAL_MFU,
    bubble_factor,
    chinchilla_tokens,
    cost_of,
    devices_for,
    flops_per_token,
    recomputation_factor,
    seconds_of,
)
from zaoju.planning.memory import DeviceMemory, Pass, device_memory, heaviest_parameters
from zaoju.planning.messages import Communication, communication
from zaoju.planning.shape import ModelShape
from zaoju.planning.sharding import CHECKPOINTING, Checkpointing, Sharding, shardings
from zaoju.planning.sizes import Suggestion, suggest

RESERVE = 0.1
"""The share of a device's memory that is left for what no formula knows: the runtime, buffers of communication, and
what an allocator cannot use."""

_MOST_DEVICES = 1 << 17
_NODE = 8
_TRIES = 100


@dataclass(frozen=True, slots=True)
class Cluster:
    """What there is to train on. What is None is not known, and what follows from it is not planned."""

    name: str = ""
    source: str = ""
    """Where memory and peak come from."""

    devices: int | None = None
    """None for as many as are needed: for `days` where those are given, else for the memory."""

    memory: float | None = None
    """Bytes of each device."""

    flops: float | None = None
    """FLOP/s of each device at its peak."""

    mfu: float = TYPICAL_MFU
    """The share of the peak that is reached, where nothing is computed twice."""

    days: float | None = None
    """How long it may take."""

    price: float | None = None
    """Of one device for one hour."""

    rate: StepRate | None = None
    """How fast the one device has been seen to train; then peak and share do not count."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be trained, and how."""

    name: str
    shape: ModelShape
    one: Pass
    tokens: int | None = None
    """None for 20 a parameter."""

    batch_tokens: int | None = None
    """Tokens of a step; None for what the nearest size of GPT-3 took."""

    checkpointing: Checkpointing | None = None
    """None for as little as fits."""


@dataclass(frozen=True, slots=True)
class ShardedMemory:
    """The memory of one way to divide the model."""

    sharding: Sharding
    memory: DeviceMemory
    fits: bool | None
    """None where the memory of a device is not known."""

    def to_json(self) -> dict[str, object]:
        """The sharding by name and number, and the parts and the peak of the memory in bytes."""
        return {
            "name": self.sharding.name,
            **asdict(self.sharding),
            "memory": {**asdict(self.memory), "total": self.memory.total},
            "fits": self.fits,
        }


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """All that follows from the work and the cluster."""

    work: Work
    cluster: Cluster
    devices: int
    parameters: int
    tokens: int
    flops_per_token: float
    flops: float
    """Of the model; what is computed twice is not in it."""

    suggestion: Suggestion
    shardings: Sequence[ShardedMemory]
    """Every way to divide the model among the devices: those that compute least twice first, then the simplest."""

    chosen: ShardedMemory | None
    """The first that fits; the very first where no memory is given, and None where none fits."""

    passes: int
    """How many passes of a device make a step."""

    step_tokens: int
    """Tokens of a step, as near to what was asked for as whole passes come."""

    steps: int
    recomputed: float
    """The arithmetic that is done, over that of the model: 4/3 where the forward pass is done twice."""

    waiting: float
    """The time of a step, over that without stages of a pipeline that wait."""

    seconds: float | None
    cost: float | None
    communication: Communication | None

    def to_json(self) -> dict[str, object]:
        """All of it as plain values: bytes, seconds, FLOPs."""
        return {
            "name": self.work.name,
            "shape": asdict(self.work.shape),
            "parameters": self.parameters,
            "precision": self.work.one.precision.name,
            "sequences": self.work.one.sequences,
            "tokens": self.tokens,
            "flops_per_token": self.flops_per_token,
            "flops": self.flops,
            "suggestion": asdict(self.suggestion),
            "cluster": {**asdict(self.cluster), "devices": self.devices},
            "shardings": [option.to_json() for option in self.shardings],
            "chosen": None if self.chosen is None else self.chosen.to_json(),
            "passes": self.passes,
            "step_tokens": self.step_tokens,
            "steps": self.steps,
            "recomputed": self.recomputed,
            "waiting": self.waiting,
            "seconds": self.seconds,
            "cost": self.cost,
            "communication": None if self.communication is None else asdict(self.communication),
        }


def plan_work(work: Work, cluster: Cluster) -> TrainingPlan:
    """Plan a training.

    Raises `ConfigError` where no number of devices up to 131,072 is enough.
    """
    parameters = work.shape.parameters
    tokens = work.tokens or chinchilla_tokens(parameters)
    each = flops_per_token(work.shape)
    suggestion = suggest(parameters)
    batch_tokens = work.batch_tokens or suggestion.batch_tokens
    devices = cluster.devices or _enough_devices(work, cluster, each * tokens, batch_tokens)
    options = _options(work, cluster, devices, batch_tokens)
    chosen = _first_that_fits(options)
    # Where nothing fits, the time is still that of the devices, with as much computed twice as the last way does.
    sharding = (chosen or options[-1]).sharding
    passes = _passes(work, sharding, batch_tokens)
    step_tokens = passes * sharding.data * work.one.sequences * work.shape.context
    steps = max(1, round(tokens / step_tokens))
    recomputed = recomputation_factor(work.shape, sharding.checkpointing, flash=work.one.flash)
    waiting = bubble_factor(sharding.pipeline, passes)
    if cluster.rate is not None:
        seconds: float | None = steps * recomputed * cluster.rate.seconds(work.shape, work.one, passes)
    elif cluster.flops is not None:
        seconds = waiting * seconds_of(each * tokens * recomputed, devices, cluster.flops, cluster.mfu)
    else:
        seconds = None
    return TrainingPlan(
        work=work,
        cluster=cluster,
        devices=devices,
        parameters=parameters,
        tokens=tokens,
        flops_per_token=each,
        flops=each * tokens,
        suggestion=suggestion,
        shardings=options,
        chosen=chosen,
        passes=passes,
        step_tokens=step_tokens,
        steps=steps,
        seconds=seconds,
        recomputed=recomputed,
        waiting=waiting,
        cost=None if seconds is None or cluster.price is None else cost_of(seconds, devices, cluster.price),
        communication=_communication(work, chosen, passes),
    )


def _options(work: Work, cluster: Cluster, devices: int, batch_tokens: int) -> list[ShardedMemory]:
    """Every sharding with every kind of checkpointing that may be chosen."""
    kinds = CHECKPOINTING if work.checkpointing is None else (work.checkpointing,)
    found = []
    for kind in kinds:
        for sharding in shardings(work.shape, devices, kind):
            one = replace(work.one, accumulates=_passes(work, sharding, batch_tokens) > 1)
            memory = device_memory(work.shape, sharding, one)
            fits = None if cluster.memory is None else memory.total <= cluster.memory * (1 - RESERVE)
            found.append(ShardedMemory(sharding, memory, fits))
    return found


def _passes(work: Work, sharding: Sharding, batch_tokens: int) -> int:
    return max(1, round(batch_tokens / (work.one.sequences * work.shape.context * sharding.data)))


def _first_that_fits(options: Sequence[ShardedMemory]) -> ShardedMemory | None:
    return next((option for option in options if option.fits is not False), None)


def _enough_devices(work: Work, cluster: Cluster, flops: float, batch_tokens: int) -> int:
    """The fewest devices, a power of two, that hold the model; or those that are done in time, whole nodes of 8."""
    devices = 1
    while (chosen := _first_that_fits(_options(work, cluster, devices, batch_tokens))) is None:
        devices *= 2
        if devices > _MOST_DEVICES:
            raise ConfigError(
                f"plan: no sharding of {work.shape.parameters:,} weights over up to {_MOST_DEVICES:,} devices of "
                f"{(cluster.memory or 0) / 1e9:,.1f} GB fits; give devices with more memory, fewer sequences "
                "in a pass, or a shorter context"
            )
    if cluster.days is None or cluster.flops is None:
        return devices
    budget = cluster.days * DAY
    ideal = _whole_nodes(devices_for(flops, budget, cluster.flops, cluster.mfu))
    devices = max(devices, ideal)
    # How much is computed twice and how long stages wait depends on what fits, which depends on the number.
    for _ in range(_TRIES):
        chosen = _first_that_fits(_options(work, cluster, devices, batch_tokens)) or chosen
        done = flops * _overhead(work, chosen.sharding, batch_tokens)
        if seconds_of(done, devices, cluster.flops, cluster.mfu) <= budget:
            break
        devices = _whole_nodes(devices + 1 + ideal // _TRIES)
    return devices


def _overhead(work: Work, sharding: Sharding, batch_tokens: int) -> float:
    """The time with what is computed twice and with stages that wait, over that without."""
    twice = recomputation_factor(work.shape, sharding.checkpointing, flash=work.one.flash)
    return twice * bubble_factor(sharding.pipeline, _passes(work, sharding, batch_tokens))


def _whole_nodes(devices: int) -> int:
    return devices if devices <= _NODE else -(-devices // _NODE) * _NODE


def _communication(work: Work, chosen: ShardedMemory | None, passes: int) -> Communication | None:
    if chosen is None or chosen.sharding.devices == 1:
        return None
    weights = heaviest_parameters(work.shape, chosen.sharding)
    return communication(work.shape, chosen.sharding, work.one.precision, work.one.sequences, passes, weights)
