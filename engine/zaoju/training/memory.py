"""How much memory there still is, and whether an error says that there was too little."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import torch

_SAYS_SO = re.compile("not enough memory|out of memory|can(not|'t) allocate memory|bad_alloc", re.IGNORECASE)

_CGROUP = Path("/sys/fs/cgroup")


def free_memory(device: str) -> int | None:
    """The bytes that this process can still take on `device`: `cpu` or `cuda`; None where that is not known.

    On a CPU the least of what the machine has (with its swap), what its control group allows, and what the process's
    own limit of address space (`ulimit -v`) allows.
    """
    if device == "cuda":
        free, _ = torch.cuda.mem_get_info()
        return free + torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
    limits = [_of_machine(), _of_control_group(), _of_process()] if device == "cpu" else []
    return min((one for one in limits if one is not None), default=None)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this is what Python, torch or the system raises where memory is short."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and _SAYS_SO.search(str(error)) is not None


def _of_machine() -> int | None:
    found = dict(re.findall(r"^(\w+):\s+(\d+) kB", _text(Path("/proc/meminfo")), re.MULTILINE))
    return (int(found["MemAvailable"]) + int(found.get("SwapFree", 0))) * 1024 if "MemAvailable" in found else None


def _of_control_group() -> int | None:
    limit, used = _text(_CGROUP / "memory.max").strip(), _text(_CGROUP / "memory.current").strip()
    if not limit.isdigit() or not used.isdigit():
        return None
    # Pages of files are given back where memory is short.
    cached = re.search(r"^inactive_file (\d+)", _text(_CGROUP / "memory.stat"), re.MULTILINE)
    return max(0, int(limit) - int(used) + (int(cached[1]) if cached else 0))


def _of_process() -> int | None:
    try:
        from resource import RLIM_INFINITY, RLIMIT_AS, getrlimit
    except ImportError:  # Windows
        return None
    limit, used = getrlimit(RLIMIT_AS)[0], re.search(r"^VmSize:\s+(\d+) kB", _text(Path("/proc/self/status")), re.M)
    return None if limit == RLIM_INFINITY or used is None else max(0, limit - int(used[1]) * 1024)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
