"""How many weights a model folder holds."""

from __future__ import annotations

import math
from pathlib import Path


def count_weights(model: Path) -> int | None:
    """The weights of a network in a model folder, shared ones once; None where the folder is not one of a network."""
    from safetensors import safe_open

    files = sorted(model.glob("model*.safetensors"))  # the names of transformers
    total = 0
    for path in files:
        with safe_open(path, framework="numpy") as tensors:
            total += sum(math.prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118
    return total if files else None
