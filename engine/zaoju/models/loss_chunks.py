"""How many logits the loss holds in memory at once; also for plans on paper, so it imports no torch."""

from __future__ import annotations

_LOGITS_ON_CPU = 1 << 22
_LOGITS_ELSEWHERE = 1 << 27
"""16 MiB in float32 on a CPU, near its cache; more where kernels want it."""


def chunk_logits(device: str) -> int:
    """How many logits stand in memory at once on a device of the type `cpu`, `cuda` or `mps`."""
    return _LOGITS_ON_CPU if device == "cpu" else _LOGITS_ELSEWHERE
