"""What a machine can do, and how much of its memory a training has taken."""

from __future__ import annotations

import math
import re
import sys
import time
from pathlib import Path

import torch

from zaoju.models import has_bfloat16
from zaoju.models.products import product
from zaoju.planning import peak_of_gpu

_TRIES = 10


def peak_flops(device: str) -> float:
    """The FLOP/s that are the peak of `device`: `cpu`, `cuda` or `mps`.

    Of a known NVIDIA GPU those of its data sheet, in bfloat16. Elsewhere what a large product of matrices reaches here,
    in float32 or in bfloat16, with the threads that torch has, which is measured in less than a second.
    """
    known = peak_of_gpu(torch.cuda.get_device_name()) if device == "cuda" else None
    if known is not None:
        return known
    types = (torch.float32, torch.bfloat16) if has_bfloat16(torch.device(device)) else (torch.float32,)
    # On a CPU a product of a millisecond on each thread: a longer one is more often interrupted by other programs.
    size = 64 * round(6 * torch.get_num_threads() ** (1 / 3)) if device == "cpu" else 4096
    return max(_measured(device, dtype, size) for dtype in types)


def peak_memory(device: str) -> int | None:
    """The most bytes that were taken so far: of the GPU by torch, on a CPU by the whole process; None where unknown."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    return _most_resident() if device == "cpu" else None


def _measured(device: str, dtype: torch.dtype, size: int) -> float:
    """The best of some products, since whatever else runs only makes them slower. Draws no random numbers."""
    matrix = torch.ones(size, size, dtype=dtype, device=device)
    best = math.inf
    for _ in range(_TRIES):
        begin = time.perf_counter()
        product(matrix, matrix)[0, 0].item()  # which waits for an accelerator
        best = min(best, time.perf_counter() - begin)
    return 2 * size**3 / best


def _most_resident() -> int | None:
    """The most memory that this process has held; None on Windows."""
    try:
        # Not ru_maxrss on Linux: there the process counts, too, from which this one was started.
        found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii", errors="replace"))
    except OSError:
        found = None
    if found is not None:
        return int(found[1]) * 1024
    try:
        from resource import RUSAGE_SELF, getrusage
    except ImportError:
        return None
    return getrusage(RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
