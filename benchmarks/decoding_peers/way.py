"""What every way to write has: a name, what it costs, and a function that writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar, cast

import torch
from decoding_models import Prompt, Shape
from measuring import Network

from zaoju.plugins import PluginManager

Mode: TypeAlias = Literal["greedy", "nucleus"]
MODES: tuple[Mode, ...] = ("greedy", "nucleus")
TEMPERATURE = 0.8
TOP_P = 0.9

Write: TypeAlias = Callable[[Sequence[Prompt], int, Mode], list[list[int]]]
"""From prompts of equal length, a number of new tokens and a mode: the new tokens of each text, all of them."""

T = TypeVar("T")


@dataclass
class Session:
    """Where ways are opened: what is expensive is opened once and shared by those that use it."""

    folder: Path
    shape: Shape
    device: str
    rows: int
    """How many texts there will be at once, at most."""

    length: int
    """How many tokens a text will have at most, prompt included."""

    plugins: PluginManager = field(default_factory=PluginManager.discover)
    _opened: dict[str, object] = field(default_factory=dict)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What `make` gave when `name` was first asked for."""
        if name not in self._opened:
            self._opened[name] = make()
        return cast("T", self._opened[name])

    def network(self, dtype: torch.dtype, *, alone: str = "") -> Network:
        """transformers' own model; `alone` names who changes it, and gets one that nobody else uses."""
        return self.once(f"network {dtype} {alone}", lambda: self._network(dtype))

    def _network(self, dtype: torch.dtype) -> Network:
        from transformers import AutoModelForCausalLM

        network: Network = AutoModelForCausalLM.from_pretrained(self.folder, dtype=dtype, local_files_only=True)
        return network.to(self.device).eval()


@dataclass(frozen=True)
class Way:
    """One way to write, not opened yet."""

    name: str
    open: Callable[[Session], Write]
    """Raises `NotInstalledError`, and whatever the peer raises."""

    weight_bytes: float
    """What a weight takes in the form that a step reads."""

    kept: str
    """What it holds in memory, by a name; ways with the same name share it."""

    kept_bytes: float
    """How many bytes per weight that takes at most, reading it included."""

    number_bytes: int = 4
    """What a number of its key-value cache takes."""

    modes: tuple[Mode, ...] = MODES
    part_of: str | None = None
    """The way without the engine around it, of which it should keep most."""

    exact: bool = False
    """Whether it computes in float32, and so must choose the tokens that transformers chooses."""

    compiles: bool = False
    """Whether the first texts take far longer than the others."""

    on_demand: bool = False
    """Whether it is left out unless it is asked for."""

    def memory(self, shape: Shape, rows: int, length: int) -> float:
        """What it takes in bytes; a cache may be copied while it grows."""
        return self.kept_bytes * shape.weights + 1.5 * rows * length * shape.cache_numbers * self.number_bytes
