"""What rounding depends on, and going on where another machine, or another version, has begun."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import torch

from zaoju.contracts import Notice, TrainingRun
from zaoju.errors import UserError
from zaoju.models import CausalLM
from zaoju.training.processes import count_processes

_CPU_DESCRIPTION = Path("/proc/cpuinfo")


def describe_environment(model: CausalLM, manner: str = "") -> dict[str, str]:
    """All that decides how the training of `model` rounds, beside what the run is: two runs in the same one agree bit
    for bit.

    `manner` is what the trainer does otherwise than a plain loop: that weights are divided, that its loss is compiled.
    """
    device = next(model.parameters()).device
    return {
        "zaoju": version("zaoju"),
        "torch": torch.__version__,
        **{package: version(package) for package in model.packages},
        "processes": f"{count_processes()}, {manner}" if manner else str(count_processes()),
        "threads": str(torch.get_num_threads()),
        "device": device.type,
        "device name": _device_name(device),
        "machine": platform.machine(),
        "CPU instructions": torch.backends.cpu.get_cpu_capability(),
        "deterministic": str(torch.are_deterministic_algorithms_enabled()),
        "precision of matrices": torch.get_float32_matmul_precision(),
    }


def environment_differences(then: dict[str, str], now: dict[str, str]) -> list[str]:
    """What is not the same, for a person. What a checkpoint of an older version did not note counts as different."""
    return [
        f"{name}: {then.get(name, 'not noted')} then, {now.get(name, 'not noted')} now"
        for name in dict.fromkeys([*now, *then])
        if now.get(name) != then.get(name)
    ]


def allow_environment(run: TrainingRun, checkpoint: Path, differences: Sequence[str]) -> None:
    """Tell of the differences between then and now where the user allows them.

    Raises `UserError` with all of them where not: rounding differs, so the run would no longer be what it was.
    """
    if not differences:
        return
    listed = "; ".join(differences)
    if not run.inexact:
        raise UserError(
            f"the checkpoint {checkpoint} was made in another environment ({listed}), so the run would not go on bit "
            "for bit. Make these as they were, or go on all the same with --inexact (in Python `inexact=True`)"
        )
    run.emit(Notice(f"going on in another environment ({listed}): from here on not bit for bit the same run"))


def _device_name(device: torch.device) -> str:
    """The model of the device: libraries choose their kernels, and the sizes of their blocks, by it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        lines = _CPU_DESCRIPTION.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
