"""All that a run needs to go on exactly: weights, the optimisers' tensors, random states and counters.

In safetensors and JSON, so that reading a checkpoint can run no code. The folder is also a model folder: transformers
loads it as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import load_file, save_file

from zaoju.models import CausalLM, load_model
from zaoju.training.environment import describe_environment, environment_differences

_COUNTERS, _OPTIMISERS, _RANDOM = "state.json", "optimisers.safetensors", "random.safetensors"


@dataclass(frozen=True, slots=True)
class Counters:
    """Where a run stands."""

    step: int
    """How many steps are done."""

    steps: int
    """How many there will be; fixed when the run begins."""

    tokens: int
    """How many tokens were trained on."""

    identity: Mapping[str, object]
    """What the run is, as JSON: its options, model and data. A checkpoint of another run must not be continued."""

    best_step: int | None = None
    best_bits: float | None = None
    """The lowest held-out bits per character so far, and the step after which it was measured."""

    skipped: Sequence[Sequence[int]] = ()
    """Data that was left out since it gave a bad loss: pairs of the first step whose data it would have been, counted
    from 0, and for how many steps; in order."""

    recent_losses: Sequence[float] = ()
    """The last good losses, where spikes are looked for."""

    looks: int | None = None
    """How many looks at held-out text there are in all `steps`, where their number follows from the time that they
    take; fixed when the run begins."""

    def data_of(self, step: int) -> int:
        """Which part of the data `step` takes, counted from 0 as steps are: the same number where none was skipped."""
        number = step
        for first, count in self.skipped:
            number += count if number >= first else 0
        return number


class HasState(Protocol):
    """What has a state for each weight, as optimisers do; it is of whole tensors."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None: ...


def save_state(
    folder: Path, model: CausalLM, optimisers: Sequence[HasState], counters: Counters, *, manner: str = ""
) -> None:
    """Write everything into `folder`. The weights bear transformers' names. `manner` as in
    `describe_environment`."""
    _writer(model, model, optimisers, counters, copy=False, manner=manner)(folder)


def snapshot_state(
    model: CausalLM, optimisers: Sequence[HasState], counters: Counters, *, manner: str = ""
) -> Callable[[Path], None]:
    """What `save_state` would write now, to be written later, while the training goes on.

    It is a copy in main memory of all that changes in training: with AdamW three times the trained weights.
    """
    return _writer(_copied(model), model, optimisers, counters, copy=True, manner=manner)


def _writer(
    kept: CausalLM,
    model: CausalLM,
    optimisers: Sequence[HasState],
    counters: Counters,
    *,
    copy: bool,
    manner: str,
) -> Callable[[Path], None]:
    """Writes `kept`, which is `model` or its copy, and everything else as it is now; tensors copied or not."""
    states = [optimiser.state_dict() for optimiser in optimisers]
    tensors = {
        f"{number}.{index}.{name}": torch.as_tensor(value).detach().to("cpu", copy=copy).contiguous()
        for number, state in enumerate(states)
        for index, values in state["state"].items()
        for name, value in values.items()
    }
    random = _random_states()
    values = {
        "counters": asdict(counters),
        "param_groups": [state["param_groups"] for state in states],
        "environment": describe_environment(model, manner),
    }
    text = json.dumps(values, indent=2) + "\n"

    def write(folder: Path) -> None:
        kept.save(folder)
        save_file(tensors, folder / _OPTIMISERS)
        save_file(random, folder / _RANDOM)
        (folder / _COUNTERS).write_text(text, encoding="utf-8")

    return write


def _copied(model: CausalLM) -> CausalLM:
    """A copy in main memory, which can be saved; weights that are not trained are the very same."""
    copies: dict[int, object] = {}
    for parameter in model.parameters():
        changes = parameter.requires_grad
        values = parameter.detach().to("cpu", copy=True) if changes else parameter
        copies[id(parameter)] = torch.nn.Parameter(values, requires_grad=changes) if changes else parameter
    return deepcopy(model, copies)


def save_counters(folder: Path, model: CausalLM, counters: Counters) -> None:
    """Write the counters and the environment alone, for a trainer that keeps everything else in its own way."""
    values = {"counters": asdict(counters), "environment": describe_environment(model)}
    (folder / _COUNTERS).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def other_environment(folder: Path, model: CausalLM, manner: str = "") -> list[str]:
    """What is different about this machine since the checkpoint in `folder`; empty where rounding is the same."""
    return environment_differences(_read(folder)["environment"], describe_environment(model, manner))


def read_counters(folder: Path) -> Counters:
    """The counters of a checkpoint, without its tensors."""
    return Counters(**_read(folder)["counters"])


def load_model_state(folder: Path, device: str) -> CausalLM:
    """The model of a checkpoint, on `device`, in training mode."""
    model = load_model(folder, device).train()
    for parameter in model.parameters():
        # Memory mapped from a file begins anywhere; matrix kernels may round otherwise for unaligned memory.
        parameter.data = parameter.data.clone()
    return model


def load_state(folder: Path, model: CausalLM, optimisers: Sequence[HasState], *, manner: str = "") -> list[str]:
    """Put the optimisers and the random generators back as they were in the checkpoint.

    Gives what is different about this machine; where the list is empty, the run goes on bit for bit.
    """
    values = _read(folder)
    states: list[dict[int, dict[str, torch.Tensor]]] = [{} for _ in optimisers]
    for key, tensor in load_file(folder / _OPTIMISERS).items():
        number, index, name = key.split(".", 2)
        states[int(number)].setdefault(int(index), {})[name] = tensor.clone()
    for optimiser, state, groups in zip(optimisers, states, values["param_groups"], strict=True):
        optimiser.load_state_dict({"state": state, "param_groups": groups})
    _set_random_states(load_file(folder / _RANDOM))
    return other_environment(folder, model, manner)


def _random_states() -> dict[str, torch.Tensor]:
    states = {"cpu": torch.random.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    if torch.backends.mps.is_available():
        states["mps"] = torch.mps.get_rng_state()
    return states


def _set_random_states(states: Mapping[str, torch.Tensor]) -> None:
    torch.random.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])
    if "mps" in states and torch.backends.mps.is_available():
        torch.mps.set_rng_state(states["mps"])


def _read(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / _COUNTERS).read_text(encoding="utf-8"))
    return values
