"""Decoding steps captured in CUDA graphs: the host launches one graph where it would launch some hundred kernels.

gpt-fast (Meta, 2023) and vLLM do the same. A graph is captured for each size of batch and of cache that comes up, in
powers of two, and a step runs in the smallest one that holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch

from zaoju.models import KeyValueCache, LeanLM
from zaoju.models.static_window import StaticWindow

_SMALLEST_USED = 128

Replay: TypeAlias = Callable[[], None]
Capture: TypeAlias = Callable[[Callable[[], torch.Tensor]], "tuple[Replay, torch.Tensor]"]
"""From a computation without arguments: what runs it again, and the tensor that each run writes its result to."""


@dataclass(frozen=True, slots=True)
class _Graph:
    tokens: torch.Tensor
    lengths: torch.Tensor
    replay: Replay
    logits: torch.Tensor


class CapturedSteps:
    """Steps of a model over the first slots of a cache. Graphs are forgotten when the cache's buffers have moved."""

    def __init__(self, model: LeanLM, cache: KeyValueCache, capture: Capture, *, compiled: bool) -> None:
        self._model = model
        self._cache = cache
        self._capture = capture
        self._forward = torch.compile(_forward, fullgraph=True) if compiled else _forward
        self._graphs: dict[tuple[int, int], _Graph] = {}
        self._buffers: list[int] = []

    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> torch.Tensor | None:
        """`Runner.step` [N, V] float32; None where a neighbour is full, or there is no memory for slots that rest."""
        cache = self._cache
        longest = max(cache.lengths[row] for row in rows) + 1
        if longest > cache.capacity:
            return None  # the step that is not captured makes room
        slots = _power_of_two(len(rows))
        cache.arrange(rows, lowest=True)
        places = [cache.slot_of(row) for row in rows]
        if not cache.room_for_steps(slots):
            return None  # a full row stands among the first slots now
        graph = self._graph(slots, min(cache.capacity, max(_SMALLEST_USED, _power_of_two(longest))))
        fed = [0] * slots
        for place, token in zip(places, tokens, strict=True):
            fed[place] = token
        graph.tokens.copy_(torch.tensor(fed), non_blocking=True)
        graph.lengths.copy_(torch.tensor(cache.static_lengths(slots)), non_blocking=True)
        graph.replay()
        for row in rows:
            cache.set_length(row, cache.lengths[row] + 1)
        # A copy: the next replay writes to the same tensor.
        return graph.logits[torch.tensor(places, device=graph.logits.device)]

    def _graph(self, slots: int, used: int) -> _Graph:
        buffers = [buffer.data_ptr() for buffer in (*self._cache.keys, *self._cache.values)]
        if buffers != self._buffers:
            self._graphs.clear()
            self._buffers = buffers
        if (slots, used) not in self._graphs:
            self._graphs[slots, used] = self._captured(slots, used)
        return self._graphs[slots, used]

    def _captured(self, slots: int, used: int) -> _Graph:
        device = self._cache.device
        tokens = torch.zeros(slots, dtype=torch.int64, device=device)
        # Capturing runs the pass, and what it writes must not fall on a token of a row.
        lengths = torch.tensor(self._cache.static_lengths(slots), device=device)
        keys, values = self._cache.keys, self._cache.values
        replay, logits = self._capture(lambda: self._forward(self._model, tokens, lengths, keys, values, used))
        return _Graph(tokens, lengths, replay, logits)


def _forward(
    model: LeanLM,
    tokens: torch.Tensor,
    lengths: torch.Tensor,
    keys: Sequence[torch.Tensor],
    values: Sequence[torch.Tensor],
    used: int,
) -> torch.Tensor:
    hidden = model.hidden_states(tokens[:, None], StaticWindow(keys, values, lengths, used))
    return model.logits(hidden[:, 0]).float()


def cuda_graph(compute: Callable[[], torch.Tensor]) -> tuple[Replay, torch.Tensor]:
    """Capture `compute` in a CUDA graph, after runs that let libraries and compilers settle."""
    aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(2):
            compute()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = compute()
    return graph.replay, result


def _power_of_two(number: int) -> int:
    return 1 << (number - 1).bit_length()
