"""A model whose weights, gradients and optimiser are divided among the processes, by FSDP2.

Zhao et al., 2023, "PyTorch FSDP: Experiences on Scaling Fully Sharded Data Parallel"; torch's `fully_shard` is its
second version, where every weight is a DTensor. Importing those takes as long as importing torch, so it is put off
until weights are divided.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import torch
from torch import distributed, nn

from zaoju.errors import ConfigError
from zaoju.models import CausalLM, LeanLM
from zaoju.planning import Sharding
from zaoju.training import count_processes, process_number
from zaoju_builtin.trainers.options import LeanOptions

_STAGES = {"none": 0, "zero2": 2, "zero3": 3}
"""Of ZeRO, by the names of `zaoju plan`."""


def sharding_of(options: LeanOptions) -> Sharding:
    """How the weights are divided among the processes that there are; one on its own has them all."""
    if options.sharding == "none" or count_processes() == 1:
        return Sharding()
    return Sharding(stage=_STAGES[options.sharding], data=count_processes())


def with_layers(model: CausalLM, options: LeanOptions) -> LeanLM:
    """The model, whose layers can be divided. Raises `ConfigError` where they are not known here."""
    if not isinstance(model, LeanLM):
        raise ConfigError(
            f"trainer.sharding: {options.sharding} was asked for, and a model of the architecture {model.architecture} "
            "cannot be divided: the families GPT-2 and Llama/Qwen can; take one of them, or set sharding to none"
        )
    return model


def without_weights(model: LeanLM) -> LeanLM:
    """The same model, whose weights are all views of one zero: they have shapes, and take no memory."""
    empty: dict[int, object] = {
        id(parameter): nn.Parameter(parameter.detach().new_zeros(()).expand(parameter.shape))
        for parameter in model.parameters()
    }
    return deepcopy(model, empty)


def shard(module: nn.Module, model: LeanLM, sharding: Sharding, device: torch.device) -> None:
    """Divide `module`, which computes the loss of `model`: each layer is a unit, and what is left is the root."""
    from torch.distributed.device_mesh import DeviceMesh
    from torch.distributed.fsdp import fully_shard

    world = distributed.group.WORLD
    assert world is not None, "weights are divided among several processes"
    mesh = DeviceMesh.from_group(world, device.type)
    # By default all but the root is given back after its forward pass, and gathered again for the backward pass.
    reshard = None if sharding.stage == _STAGES["zero3"] else False
    for block in model.blocks:
        fully_shard(block, mesh=mesh, reshard_after_forward=reshard)
    fully_shard(module, mesh=mesh, reshard_after_forward=reshard)


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """All of a tensor of which this process may have a part only. Every process must ask at once."""
    if type(tensor) in (torch.Tensor, nn.Parameter):
        return tensor
    from torch.distributed.tensor import DTensor

    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


@contextmanager
def gathered(sharded: nn.Module, model: nn.Module) -> Iterator[None]:
    """In the block `model` has the weights of `sharded`, in the main process; others only help to gather them."""
    pairs = list(zip(sharded.parameters(), model.parameters(), strict=True))
    nothing = [parameter.data for _, parameter in pairs]
    for part, parameter in pairs:
        full = whole(part.detach())
        if process_number() == 0:
            parameter.data = full
    try:
        yield
    finally:
        for (_, parameter), empty in zip(pairs, nothing, strict=True):
            parameter.data = empty


class WholeState:
    """The state of an optimiser over divided weights, as if they were whole, so that a checkpoint has the same files in
    any company. It is gathered when it is made, by all processes at once."""

    def __init__(self, optimiser: torch.optim.Optimizer) -> None:
        self._optimiser = optimiser
        self._state = optimiser.state_dict()
        self._state["state"] = {
            index: {name: _kept(value) for name, value in values.items()}
            for index, values in self._state["state"].items()
        }

    def state_dict(self) -> dict[str, Any]:
        """What the optimiser would give if it were alone; in the main process."""
        return self._state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take this process's part of a whole state."""
        weights = _weights(self._optimiser)
        own = {
            index: {name: _part(value, weights[index]) for name, value in values.items()}
            for index, values in state["state"].items()
        }
        self._optimiser.load_state_dict({**state, "state": own})


def _kept(value: torch.Tensor) -> torch.Tensor:
    """The whole of `value` in main memory, where the main process is; nothing elsewhere."""
    full = whole(value)
    return full.cpu() if process_number() == 0 else torch.empty(0)


def _part(value: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    from torch.distributed.tensor import DTensor, distribute_tensor

    if not isinstance(weight, DTensor) or value.shape != weight.shape:
        return value
    # Every process has read all of it, so nothing need be sent.
    on_device = value.to(weight.device)
    return distribute_tensor(on_device, weight.device_mesh, weight.placements, src_data_rank=None)


def _weights(optimiser: torch.optim.Optimizer) -> Sequence[torch.Tensor]:
    """In the order by which a state names them."""
    return [weight for group in optimiser.param_groups for weight in group["params"]]
