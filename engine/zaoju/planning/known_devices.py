"""Known devices, by what their makers publish: memory, and dense arithmetic without sparsity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from zaoju.errors import ConfigError, did_you_mean


@dataclass(frozen=True, slots=True)
class Device:
    """What computes."""

    memory: float | None
    """Bytes; None where nobody said."""

    bf16: float | None
    """FLOP/s of products of bf16 (or fp16) matrices that are summed in float32."""

    float32: float | None
    source: str

    def flops(self, precision: str) -> float | None:
        """The peak in a precision of `zaoju.planning.PRECISIONS`."""
        return self.float32 if precision == "float32" else self.bf16


DEVICES: Mapping[str, Device] = {
    "v100-32gb": Device(32e9, 125e12, 15.7e12, "NVIDIA V100 datasheet, SXM2; fp16"),
    "a100-40gb": Device(40e9, 312e12, 19.5e12, "NVIDIA A100 datasheet"),
    "a100-80gb": Device(80e9, 312e12, 19.5e12, "NVIDIA A100 datasheet"),
    "h100-80gb": Device(80e9, 989.4e12, 66.9e12, "NVIDIA H100 architecture whitepaper, SXM5"),
    "h200": Device(141e9, 989.4e12, 66.9e12, "NVIDIA H200 datasheet, SXM"),
    "l40s": Device(48e9, 362e12, 91.6e12, "NVIDIA L40S datasheet"),
    "rtx-3090": Device(24e9, 71e12, 35.6e12, "NVIDIA GA102 architecture whitepaper"),
    "rtx-4090": Device(24e9, 165.2e12, 82.6e12, "NVIDIA Ada architecture whitepaper"),
    "mi300x": Device(192e9, 1307.4e12, 163.4e12, "AMD Instinct MI300X datasheet"),
}


def device_named(name: str) -> Device:
    """A device by name. Raises `ConfigError`."""
    found = DEVICES.get(name.lower())
    if found is None:
        raise ConfigError(
            f"plan: no device {name!r} is known{did_you_mean(name.lower(), DEVICES)}; known are {', '.join(DEVICES)}; "
            "for any other give its memory and its FLOP/s"
        )
    return found
