"""The options of the lean runner."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from zaoju.contracts import Options


class LeanRunnerOptions(Options):
    """How the engine's own modules compute."""

    precision: Literal["float32", "bfloat16", "int8"] = Field(
        default="float32",
        description="In which numbers: float32, bfloat16 (a GPU, or a CPU with its instructions), or int8 (a CPU)",
    )
    compile: bool = Field(
        default=False,
        strict=True,
        description="On a GPU: compile the step before it is captured; the first one of each size takes seconds longer",
    )
    memory: float | None = Field(
        default=None,
        gt=0,
        strict=True,
        description="The most that the key-value cache may take, in GiB; without it most of what is free at the start",
    )
