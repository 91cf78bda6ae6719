"""How many weights a model folder holds."""

from __future__ import annotations

import math
from pathlib import Path


def count_weights(model: Path) -> int | None:
    """The numbers in the safetensors files of a model folder, shared ones once; None where there is no such file."""
    from safetensors import safe_open

    files = sorted(model.glob("*.safetensors"))
    total = 0
    for path in files:
        with safe_open(path, framework="numpy") as tensors:
            total += sum(math.prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118
    return total if files else None
