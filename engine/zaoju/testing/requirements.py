"""What the kits need beside zaoju itself."""

from __future__ import annotations

try:
    import hypothesis
    import pytest
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"the kits of zaoju.testing need {error.name}, which is not installed. To install it: "
        "pip install pytest hypothesis",
        name=error.name,
    ) from error

__all__ = ["hypothesis", "pytest"]
