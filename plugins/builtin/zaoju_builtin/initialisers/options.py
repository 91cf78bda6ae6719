"""Options of the builtin initialisers."""

from __future__ import annotations

from pydantic import Field

from zaoju import Options


class TieOptions(Options):
    """Options of `mean_of_parts` and `last_part`."""

    noise: float = Field(
        default=0.01,
        gt=0,
        le=1,
        description="How far equal rows are moved apart, as a share of the deviation of the matrix",
    )


class WeightedOptions(TieOptions):
    """Options of `weighted_parts`."""

    ratio: float = Field(
        default=2.0, gt=0, le=100, description="The weight of each part over that of the part before it; 1: all alike"
    )


class ComposedOptions(TieOptions):
    """Options of `composed`."""

    ridge: float = Field(
        default=0.1,
        gt=0,
        description="How much the fit prefers the plain mean of two parts, as a share of their variance",
    )


class SimilarOptions(TieOptions):
    """Options of `similar_tokens`."""

    window: int = Field(default=5, ge=1, le=100, description="How far apart tokens may stand that keep company")
    width: int = Field(default=200, ge=1, description="How many numbers a vector of the auxiliary space has")
    least: int = Field(
        default=5,
        ge=1,
        description="A token that the corpus has less often is no example, and gets the mean of its parts",
    )
    most_tokens: int = Field(
        default=5_000_000, ge=1, description="How much of the corpus is read, in tokens; memory grows with it"
    )
