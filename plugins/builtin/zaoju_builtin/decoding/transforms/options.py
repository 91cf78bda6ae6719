"""The options of the builtin transforms. A default is what acts when the transform is named in a chain."""

from __future__ import annotations

from pydantic import Field

from zaoju import Options


class TemperatureOptions(Options):
    """How bold the choice is."""

    temperature: float = Field(
        default=1.0,
        ge=0,
        description="Divides the logits: below 1 is bolder, above 1 more varied, 0 takes the most probable token",
    )


class TopKOptions(Options):
    """How many tokens stay."""

    top_k: int = Field(default=50, ge=0, description="Keep this many of the most probable tokens; 0 keeps all")


class TopPOptions(Options):
    """How much probability stays."""

    top_p: float = Field(
        default=0.9,
        ge=0,
        le=1,
        description="Keep the smallest set of tokens that holds this share of the probability; 1 keeps all",
    )


class RepetitionPenaltyOptions(Options):
    """How strongly used tokens are held back."""

    repetition_penalty: float = Field(
        default=1.0,
        ge=0.01,
        description="Above 1 makes tokens that are in the prompt or the text less probable; 1 changes nothing",
    )
