"""The options of the lean runner."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Strict

from zaoju.contracts import Options


class LeanRunnerOptions(Options):
    """How the engine's own modules compute."""

    precision: Literal["float32", "bfloat16", "int8"] = "float32"
    """In which numbers: `float32`, `bfloat16` (a GPU, or a CPU with its instructions), or `int8` (a CPU)."""

    compile: Annotated[bool, Strict()] = False
    """On a GPU: compile the step before it is captured; the first step of each size then takes seconds longer."""

    memory: Annotated[float, Strict(), Field(gt=0)] | None = None
    """The most that the key-value cache may take, in GiB; empty means most of what is free when the model is opened."""
