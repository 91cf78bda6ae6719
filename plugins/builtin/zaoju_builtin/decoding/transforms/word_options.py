"""The options of the builtin transforms about particular tokens and words."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from zaoju import Options

Word = Annotated[str, Field(min_length=1)]
Bias = Annotated[float, Field(ge=-10_000, le=10_000)]


class LogitBiasOptions(Options):
    """Which tokens are more or less probable than the model has them."""

    logit_bias: dict[Word, Bias] = Field(
        default={},
        description="For each token, as its text or as `id:` with its number, what is added to its logit; "
        "{} changes nothing",
    )


class BadWordsOptions(Options):
    """Which words must not be written."""

    bad_words: tuple[Word, ...] = Field(
        default=(), description="Words that must not come to stand in the text, however it is cut; [] allows all"
    )


class WatermarkOptions(Options):
    """How strong the mark is, how much of the vocabulary it favours, and who can find it."""

    watermark_delta: float = Field(
        default=2.0,
        ge=0,
        le=10_000,
        description="Added to the logits of the tokens that the mark favours; 0 leaves the text unmarked",
    )
    watermark_gamma: float = Field(
        default=0.25, gt=0, lt=1, description="The share of the vocabulary that the mark favours at each place"
    )
    watermark_key: int = Field(
        default=15485863,
        ge=0,
        lt=2**63,
        description="Decides which tokens are favoured; who knows it can find the mark, and can forge it",
    )
