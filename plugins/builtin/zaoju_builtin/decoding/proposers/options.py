"""The options of the builtin proposers."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from zaoju import Options


class PromptLookupOptions(Options):
    """How much must be the same, and how much is proposed."""

    max_tokens: int = Field(default=8, ge=1, description="Propose at most this many tokens at a time")
    max_ngram: int = Field(
        default=4, ge=1, description="First look for this many of the last tokens earlier in the text"
    )
    min_ngram: int = Field(default=2, ge=1, description="Then for fewer and fewer of them, down to this many")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.min_ngram > self.max_ngram:
            raise ValueError(f"min_ngram is {self.min_ngram}, and must not exceed max_ngram, which is {self.max_ngram}")
        return self


class DraftModelOptions(Options):
    """Which model guesses, and how."""

    draft: Path = Field(description="The folder of a smaller model with the same tokenizer")
    max_tokens: int = Field(default=4, ge=1, description="Propose at most this many tokens at a time")
    temperature: float = Field(
        default=1.0,
        ge=0,
        description="Best the temperature that the text is written with; 0 guesses the most probable token",
    )
