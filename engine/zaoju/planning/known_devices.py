"""Known devices, by what their makers publish: memory, and dense arithmetic without sparsity."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from zaoju.errors import ConfigError, did_you_mean


@dataclass(frozen=True, slots=True)
class Device:
    """What computes."""

    cuda_name: str | None
    """What CUDA's name of it contains, for GPUs that are told by it; None for one that no name was seen of."""

    memory: float
    """Bytes."""

    bf16: float
    """FLOP/s of products of bf16 (or fp16) matrices that are summed in float32."""

    float32: float
    source: str

    def flops(self, precision: str) -> float:
        """The peak in a precision of `zaoju.planning.PRECISIONS`."""
        return self.float32 if precision == "float32" else self.bf16


DEVICES: Mapping[str, Device] = {
    "b200": Device("B200", 180e9, 2250e12, 75e12, "NVIDIA DGX B200 datasheet, an eighth of it"),
    "gh200": Device("GH200", 96e9, 989e12, 67e12, "NVIDIA GH200 datasheet, HBM3"),
    "h200-nvl": Device("H200 NVL", 141e9, 835e12, 60e12, "NVIDIA H200 datasheet"),
    "h200": Device("H200", 141e9, 989e12, 67e12, "NVIDIA H200 datasheet, SXM"),
    "h100-nvl": Device("H100 NVL", 94e9, 835e12, 60e12, "NVIDIA H100 datasheet"),
    "h100-pcie": Device("H100 PCIe", 80e9, 756e12, 51e12, "NVIDIA H100 datasheet of 2022"),
    "h100-80gb": Device("H100", 80e9, 989e12, 67e12, "NVIDIA H100 datasheet, SXM"),
    "a100-80gb": Device("A100", 80e9, 312e12, 19.5e12, "NVIDIA A100 datasheet"),
    "a100-40gb": Device("A100", 40e9, 312e12, 19.5e12, "NVIDIA A100 datasheet"),
    "v100-32gb": Device(None, 32e9, 125e12, 15.7e12, "NVIDIA V100 datasheet, SXM2; fp16"),
    "l40s": Device("L40S", 48e9, 362e12, 91.6e12, "NVIDIA L40S datasheet"),
    "l4": Device("L4", 24e9, 121e12, 30.3e12, "NVIDIA L4 datasheet"),
    "a10": Device("A10", 24e9, 125e12, 31.2e12, "NVIDIA A10 datasheet"),
    "rtx-4090": Device(None, 24e9, 165.2e12, 82.6e12, "NVIDIA Ada architecture whitepaper"),
    "rtx-3090": Device(None, 24e9, 71e12, 35.6e12, "NVIDIA GA102 architecture whitepaper"),
    "mi300x": Device(None, 192e9, 1307.4e12, 163.4e12, "AMD Instinct MI300X datasheet"),
}
"""A name that stands in another one comes later."""


def peak_of_gpu(name: str) -> float | None:
    """FLOP/s in bf16 of the GPU that CUDA knows by this name; None for one that is not in the table."""
    for device in DEVICES.values():
        if device.cuda_name is not None and re.search(rf"\b{device.cuda_name}\b", name):
            return device.bf16
    return None


def device_named(name: str) -> Device:
    """A device by name. Raises `ConfigError`."""
    found = DEVICES.get(name.lower())
    if found is None:
        raise ConfigError(
            f"plan: no device {name!r} is known{did_you_mean(name.lower(), DEVICES)}; known are {', '.join(DEVICES)}; "
            "for any other give its memory and its FLOP/s"
        )
    return found
