"""What the benchmarks of generation share: what the machine is, who else uses it, and how figures are written."""

from __future__ import annotations

import logging
import multiprocessing
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeAlias

import torch

BUFFER = 1 << 28
"""Float32 numbers that the bandwidth is measured over: 1 GiB, more than the caches hold."""

Network: TypeAlias = Any
"""A model of transformers, whose `generate` and `eval` no type checker can follow."""

Table: TypeAlias = Sequence[Sequence[str]]
"""A first line with the names of the columns, then the lines."""


def machine(*packages: str) -> str:
    """One line: the processor or GPU, threads, and the versions of torch and of what else is measured."""
    named = [f"{package} {_version(package)}" for package in ("torch", *packages)]
    processor = f"{_processor()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
    if torch.cuda.is_available():
        processor = f"{torch.cuda.get_device_name()}; {processor}"
    return f"{processor}; {', '.join(named)}; load {load():.1f}"


def quiet() -> None:
    """Let transformers draw no progress bars between the lines of a table, and warn of nothing that is meant."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers
    logging.getLogger("ContinuousBatchingLogger").setLevel(logging.ERROR)


def device() -> str:
    """`cuda` where there is such a GPU, else `cpu`."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def load() -> float:
    """How many processes wanted a core, over the last minute; those of the benchmark count too."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")


class NotInstalledError(Exception):
    """A peer that is not installed."""

    def __init__(self, package: str) -> None:
        super().__init__(f"not installed: pip install {package}")


class OtherWork:
    """Times a block, and says what share of all cores other programs took meanwhile.

    A figure that was taken beside others' work is none; this makes it visible. Linux only: elsewhere the share is NaN.
    """

    seconds: float = 0.0
    share: float = float("nan")

    def __enter__(self) -> OtherWork:
        self._busy, self._own = _busy_seconds(), _own_seconds()
        self._started = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._started
        if self._busy is not None and (busy := _busy_seconds()) is not None:
            others = busy - self._busy - (_own_seconds() - self._own)
            self.share = min(1.0, max(0.0, others) / (self.seconds * (os.cpu_count() or 1)))


def read_bandwidth(place: str, buffer: torch.Tensor) -> float:
    """Bytes a second: all threads read `buffer` once; on a GPU it is copied, and read and written bytes count."""
    copy = torch.empty_like(buffer) if place == "cuda" else None
    seconds = []
    for _ in range(3):
        wait_for(place)
        started = time.perf_counter()
        if copy is None:
            buffer.sum()
        else:
            copy.copy_(buffer)
        wait_for(place)
        seconds.append(time.perf_counter() - started)
    return buffer.numel() * 4 * (1 if copy is None else 2) / min(seconds)


def wait_for(place: str) -> None:
    """Until a GPU has done what it was given."""
    if place == "cuda":
        torch.cuda.synchronize()


def in_turn(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of every way in every round, the ways taking turns; a first round warms up and is left out.

    Every second round goes backwards, so that no way always follows the same one.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name in reversed(ways) if turn % 2 else ways:
            started = time.perf_counter()
            ways[name]()
            if turn:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def spread(values: Sequence[float], digits: int = 2) -> str:
    """The median, and where there are several values, the smallest and the greatest."""
    if not values:
        return "-"
    middle = f"{statistics.median(values):,.{digits}f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):,.{digits}f}..{max(values):,.{digits}f})"


def ratios(values: Sequence[float], others: Sequence[float]) -> list[float]:
    """Each value over the other of the same round."""
    return [one / other for one, other in zip(values, others, strict=True)]


def rendered(table: Table, *, markdown: bool) -> str:
    """A table for the terminal or for a page. A line may stop before the last column."""
    columns = len(table[0])
    if markdown:
        head, *lines = (f"| {' | '.join([*line, *[''] * (columns - len(line))])} |" for line in table)
        return "\n".join([head, "|---" * columns + "|", *lines])
    whole = [line for line in table if len(line) == columns]
    widths = [
        max(len(line[0]) for line in table),
        *(max(map(len, column)) for column in list(zip(*whole, strict=True))[1:]),
    ]
    return "\n".join(_aligned(line, widths if len(line) == columns else widths[:1]) for line in table)


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    """The first column is text, the others are numbers; what has no width stands as it is."""
    text, *numbers = line
    if len(widths) > 1:
        numbers = [number.rjust(width) for number, width in zip(numbers, widths[1:], strict=True)]
    return "  ".join([text.ljust(widths[0]), *numbers]).rstrip()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    if described.is_file():
        for line in described.read_text("utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _own_seconds() -> float:
    """Processor time of this process, all its threads and its children, those that run included."""
    # This also waits for those that have ended: only then they are among the children of `os.times`.
    children = multiprocessing.active_children()
    running = sum(_seconds_of(child.pid) for child in children if child.pid is not None)
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system + running


def _seconds_of(process: int) -> float:
    """Processor time of another process; 0 where the system does not say."""
    counted = Path(f"/proc/{process}/stat")
    if not counted.is_file():
        return 0.0
    # The name in brackets may hold blanks; user and system time are the 12th and 13th number after it.
    user, system = counted.read_text("utf-8").rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _busy_seconds() -> float | None:
    """Processor time of all programs and of the virtual machine's neighbours since the start of the machine."""
    counted = Path("/proc/stat")
    if not counted.is_file():
        return None
    user, nice, system, _idle, _waiting, *rest = map(int, counted.read_text("ascii").splitlines()[0].split()[1:])
    return (user + nice + system + sum(rest[:3])) / os.sysconf("SC_CLK_TCK")
