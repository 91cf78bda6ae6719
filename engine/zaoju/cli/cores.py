"""How many threads are worth having on this machine, for this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path


def usable_cores(system: Path = Path("/")) -> int:
    """The physical cores that this process may use, as far as its groups' quota of processor time goes; at least 1.

    Two hardware threads of one core share its arithmetic, and a thread beyond the quota makes all others wait for it.
    Where the system does not tell cores from hardware threads, as outside Linux, every hardware thread counts. `system`
    is the root of the file system.
    """
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    cores = _physical_cores(allowed, system / "sys/devices/system/cpu") or len(allowed)
    return max(1, min([cores, *map(int, _quotas(system))]))


def _physical_cores(processors: set[int], folder: Path) -> int | None:
    """How many cores these hardware threads belong to; None where the system does not say."""
    try:
        return len({_siblings(folder / f"cpu{number}" / "topology") for number in processors})
    except OSError:
        return None


def _siblings(topology: Path) -> str:
    """The hardware threads of one core, in words that are the same for each of them. Linux before 5.3 has one name."""
    new = topology / "core_cpus_list"
    return (new if new.exists() else topology / "thread_siblings_list").read_text().strip()


def _quotas(system: Path) -> Iterator[float]:
    """How many processors' time the control groups of this process allow: its own, and each one above it."""
    try:
        lines = (system / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from _quotas_on_the_way(system / "sys/fs/cgroup", path, _quota_of_version_2)
        elif "cpu" in controllers.split(","):
            yield from _quotas_on_the_way(system / "sys/fs/cgroup" / controllers, path, _quota_of_version_1)


def _quotas_on_the_way(root: Path, path: str, quota: Callable[[Path], float | None]) -> Iterator[float]:
    """In a container, `path` may be that of the host, of which only the root is to be seen."""
    group = root / path.lstrip("/")
    for folder in (group, *group.parents):
        if (found := quota(folder)) is not None:
            yield found
        if folder == root:
            return


def _quota_of_version_2(folder: Path) -> float | None:
    words = _words(folder / "cpu.max")
    return int(words[0]) / int(words[1]) if len(words) == 2 and words[0] != "max" else None


def _quota_of_version_1(folder: Path) -> float | None:
    words = [*_words(folder / "cpu.cfs_quota_us"), *_words(folder / "cpu.cfs_period_us")]
    return int(words[0]) / int(words[1]) if len(words) == 2 and int(words[0]) > 0 else None


def _words(file: Path) -> list[str]:
    """Empty where there is no such file: the group has no limit of its own, or is not to be seen from here."""
    try:
        return file.read_text().split()
    except OSError:
        return []
