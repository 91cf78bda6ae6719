"""What the user may write."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from zaoju import Options

Precision: TypeAlias = Literal["f32", "f16", "q8_0"]
"""How the weights of a converted model are kept: 32, 16 or about 8.5 bits each."""

MOST_ROWS = 256
"""llama.cpp's own limit, LLAMA_MAX_SEQ."""


class LlamaCppOptions(Options):
    """Which file is run, and how much it may hold at once."""

    file: str | None = Field(
        default=None,
        min_length=1,
        description="The GGUF file in the model folder; without it the only one there, else the folder is converted",
    )
    precision: Precision | None = Field(
        default=None,
        description="How a folder of safetensors is converted: f32 (default), f16 or q8_0; a GGUF file has its own",
    )
    keep_converted: bool = Field(
        default=True,
        description="Keep what was converted in the model folder, under llamacpp/; else convert at every start",
    )
    context: int | None = Field(
        default=None,
        ge=1,
        description="How many tokens all rows together may hold; by default the model's context for every row, "
        "at most 1 GiB",
    )
    rows: int | None = Field(
        default=None,
        ge=1,
        le=MOST_ROWS,
        description="How many rows may run at once; by default 256, or 32 where each row keeps a state of its own",
    )
    threads: int | None = Field(default=None, ge=1, description="Threads that compute; by default as many as torch has")
    gpu_layers: int = Field(
        default=0, ge=0, description="How many layers a GPU computes, where llama.cpp was built for one"
    )
    amx: bool = Field(
        default=False,
        description="Use the tile units (AMX) of newer Intel processors for quantised weights: faster for one row, "
        "but many builds of llama.cpp then end the process at the first pass of two tokens",
    )
