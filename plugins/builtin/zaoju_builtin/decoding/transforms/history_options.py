"""The options of the builtin transforms that look at the text so far. A default acts when the transform is named."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from zaoju import Options

LONGEST_NGRAM = 64

LONGEST_MATCH = 128
"""Repetitions that are longer are treated as if they had so many tokens."""

_WINDOW = "Look at so many of the last tokens only; 0 looks at all"


class RepetitionPenaltyOptions(Options):
    """How strongly used tokens are held back."""

    repetition_penalty: float = Field(
        default=1.0,
        ge=0.01,
        le=100,
        description="Above 1 makes tokens that are in the prompt or the text less probable; 1 changes nothing",
    )
    repetition_window: int = Field(default=0, ge=0, description=_WINDOW)


class OccurrencePenaltyOptions(Options):
    """How strongly tokens are held back by how often they have come."""

    frequency_penalty: float = Field(
        default=0.0, ge=-100, le=100, description="Taken from a token's logit for each time that it has come"
    )
    presence_penalty: float = Field(
        default=0.0, ge=-100, le=100, description="Taken from the logit of a token that has come at all"
    )
    penalty_prompt: bool = Field(default=False, description="Count the tokens of the prompt too")
    penalty_window: int = Field(default=0, ge=0, description=_WINDOW)


class NoRepeatNgramOptions(Options):
    """Which repetitions are forbidden."""

    no_repeat_ngram_size: int = Field(
        default=4,
        ge=0,
        le=LONGEST_NGRAM,
        description="No sequence of so many tokens comes twice, the prompt's included; 0 forbids nothing",
    )


class DRYOptions(Options):
    """How strongly the next token of a repetition is held back."""

    dry_multiplier: float = Field(
        default=0.8,
        ge=0,
        le=1e4,
        description="Taken from the logit of what goes on a repetition; 0 changes nothing",
    )
    dry_base: float = Field(
        default=1.75, ge=1, le=100, description="By how much that grows with each further token of the repetition"
    )
    dry_allowed_length: int = Field(
        default=2,
        ge=1,
        le=LONGEST_MATCH,
        description="Repetitions that are shorter than so many tokens may go on",
    )
    dry_window: int = Field(default=0, ge=0, description=_WINDOW)
    dry_breakers: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=("\n", ":", '"', "*", "。", "！", "？", "；"),
        description="Texts across which nothing counts as a repetition",
    )


class MinimumLengthOptions(Options):
    """How long a text is at least."""

    min_new_tokens: int = Field(default=0, ge=0, description="The document cannot end before so many tokens; 0 lets it")
