"""How much memory there still is where a model computes, and whether an error says that there was too little."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import torch

_SAYS_SO = re.compile("not enough memory|out of memory|can(not|'t) allocate memory|bad_alloc", re.IGNORECASE)

_SPACE_OF_A_THREAD = 72 * 2**20
"""glibc sets 8 MiB aside for the stack of a thread, and 64 MiB for what it allocates."""

_STATUS = Path("/proc/self/status")
_CGROUP = Path("/sys/fs/cgroup")
_CONTAINERS = (
    (_CGROUP / "memory.max", _CGROUP / "memory.current", _CGROUP / "memory.stat"),
    (
        _CGROUP / "memory" / "memory.limit_in_bytes",
        _CGROUP / "memory" / "memory.usage_in_bytes",
        _CGROUP / "memory" / "memory.stat",
    ),
)


def free_memory(device: torch.device, *, swap: bool = False) -> int | None:
    """The bytes that this process can still take on `device`; None where the system does not say.

    On a CPU the least of what the machine has, with its `swap` where that is asked for, what its container allows, and
    what the process's own limit of address space (`ulimit -v`) allows. On a GPU also what torch holds and does not use.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free) + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    if device.type != "cpu":
        return None
    known = [_of_machine(swap=swap), _of_process(), *(_of_container(*files) for files in _CONTAINERS)]
    return min((one for one in known if one is not None), default=None)


def free_address_space() -> int | None:
    """The bytes of address space that this process can still take for its data; None where nothing limits it.

    Of what a limit (`ulimit -v`) leaves, threads that torch has not begun yet will take a part: each a stack, and room
    for an allocator of its own.
    """
    left = _of_process()
    if left is None:
        return None
    running = re.search(r"^Threads:\s+(\d+)", _text(_STATUS), re.MULTILINE)
    to_come = torch.get_num_threads() - (int(running[1]) if running else 1)
    return max(0, left - max(0, to_come) * _SPACE_OF_A_THREAD)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this is what Python, torch or the system raises where memory is short."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and _SAYS_SO.search(str(error)) is not None


def _of_machine(*, swap: bool) -> int | None:
    found = dict(re.findall(r"^(\w+):\s+(\d+) kB", _text(Path("/proc/meminfo")), re.MULTILINE))
    if "MemAvailable" in found:
        return (int(found["MemAvailable"]) + (int(found.get("SwapFree", 0)) if swap else 0)) * 1024
    if hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _of_container(limit_file: Path, used_file: Path, statistics_file: Path) -> int | None:
    limit, used = _text(limit_file).strip(), _text(used_file).strip()
    if not limit.isdigit() or not used.isdigit():
        return None
    # Pages of files are given back where memory is short.
    cached = re.search(r"^(?:total_)?inactive_file (\d+)", _text(statistics_file), re.MULTILINE)
    return max(0, int(limit) - int(used) + (int(cached[1]) if cached else 0))


def _of_process() -> int | None:
    try:
        from resource import RLIM_INFINITY, RLIMIT_AS, getrlimit
    except ImportError:  # Windows
        return None
    limit, used = getrlimit(RLIMIT_AS)[0], re.search(r"^VmSize:\s+(\d+) kB", _text(_STATUS), re.MULTILINE)
    return None if limit == RLIM_INFINITY or used is None else max(0, limit - int(used[1]) * 1024)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
