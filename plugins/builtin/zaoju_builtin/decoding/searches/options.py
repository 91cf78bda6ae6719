"""The options of the builtin searches."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from zaoju import Options

# Every row has a cache of its own: a slip of the pen must not fill the memory.
_MOST_ROWS = 256
_LENGTH_PENALTY = "Divides the sum of log-probabilities by the length to this power; 0 prefers short texts"


class BeamOptions(Options):
    """How wide the search is, and when it ends."""

    beams: int = Field(default=4, ge=1, le=_MOST_ROWS, description="How many texts are kept at once; 1 is greedy")
    length_penalty: float = Field(default=1.0, ge=-10, le=10, description=_LENGTH_PENALTY)
    early_stopping: Literal[True, False, "never"] = Field(
        default=False,
        description="With `beams` whole texts, stop at once (true), when a better one is unlikely (false), or when it "
        "is impossible (never)",
    )


class DiverseBeamOptions(BeamOptions):
    """How wide the search is, and how much its groups shun one another's tokens."""

    beam_groups: int = Field(default=2, ge=1, le=_MOST_ROWS, description="How many groups share the beams evenly")
    diversity_penalty: float = Field(
        default=1.0,
        ge=0,
        description="Taken from the rank of a token for each text of an earlier group that has it at the same step",
    )

    @model_validator(mode="after")
    def _share_evenly(self) -> Self:
        if self.beams % self.beam_groups:
            raise ValueError(f"{self.beams} beams cannot be shared evenly by {self.beam_groups} beam_groups")
        return self


class ContrastiveOptions(Options):
    """How strongly repetition is held back."""

    contrastive_alpha: float = Field(
        default=0.6, ge=0, le=1, description="0 takes the most probable token, 1 the one least like the text so far"
    )
    contrastive_top_k: int = Field(
        default=4, ge=1, le=_MOST_ROWS, description="How many of the most probable tokens are tried at each step"
    )


class BestOfNOptions(Options):
    """How many texts are drawn."""

    best_of: int = Field(default=4, ge=1, le=_MOST_ROWS, description="How many texts are drawn, to keep the best")
    length_penalty: float = Field(default=1.0, ge=-10, le=10, description=_LENGTH_PENALTY)


class GuidanceOptions(Options):
    """Where the text is pulled to, and what it is pulled away from."""

    guidance_scale: float = Field(
        default=1.5,
        ge=0,
        le=1000,
        description="How strongly the prompt is followed: 1 as without guidance, more is stricter",
    )
    negative_prompt: str = Field(default="", description="What the text is led away from; empty is no prompt at all")
