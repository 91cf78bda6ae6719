"""Where a model runs."""

from __future__ import annotations

import torch

from zaoju.errors import UserError


def choose_device(name: str) -> str:
    """`cpu`, `cuda` or `mps` for what the user asked; `auto` takes the fastest that is there.

    Raises `UserError` where the asked device does not exist on this machine.
    """
    available = [device for device in ("cuda", "mps", "cpu") if _is_available(device)]
    if name == "auto":
        return available[0]
    if name not in available:
        raise UserError(
            f"device: {name} was asked for, but torch {torch.__version__} sees only {', '.join(available)} here; "
            "set device: auto, or install a build of torch for your accelerator"
        )
    return name


def _is_available(device: str) -> bool:
    if device == "cuda":
        return torch.cuda.is_available()
    if device == "mps":
        return torch.backends.mps.is_available()
    return True
