"""The options of the cleaners."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from zaoju import Options


class BasicOptions(Options):
    """Options of the `basic` cleaner."""

    min_characters: int = Field(1, ge=1, description="Shorter documents are dropped, counted after cleaning")
    normalise: Literal["NFC", "none"] = Field(
        "NFC", description="NFC writes a letter and its accent as one character; hanzi are never touched"
    )
