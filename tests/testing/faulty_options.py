"""Options of faulty components, in a module that is light, as the contract asks."""

from __future__ import annotations

from pydantic import Field

from zaoju import Options


class SilentOptions(Options):
    """Says nothing about its option."""

    length: int = 2


class WithinOptions(Options):
    within: float = Field(default=2.0, ge=0, description="How far below the largest logit a token may lie; 0 keeps all")
