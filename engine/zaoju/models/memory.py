"""How much memory is free where a model computes."""

from __future__ import annotations

import os
from pathlib import Path

import torch

_MEMINFO = Path("/proc/meminfo")
_CONTAINER = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes")),
)


def free_memory(device: torch.device) -> int | None:
    """How many bytes can be taken on `device` now; None where the system does not say.

    On a CPU: what Linux calls available, or what the container may still take where that is less.
    """
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type != "cpu":
        return None
    known = [free for free in (_available(), *(_left(*files) for files in _CONTAINER)) if free is not None]
    return min(known, default=None)


def _available() -> int | None:
    if _MEMINFO.is_file():
        for line in _MEMINFO.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    if hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _left(limit: Path, used: Path) -> int | None:
    """What a container may still take; None where it has no limit."""
    if not (limit.is_file() and used.is_file()):
        return None
    most = limit.read_text(encoding="ascii").strip()
    return max(0, int(most) - int(used.read_text(encoding="ascii"))) if most.isdigit() else None
