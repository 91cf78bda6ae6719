"""The options of the builtin transforms. A default is what acts when the transform is named in a chain."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

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


class MinPOptions(Options):
    """How probable a token must be beside the most probable one."""

    min_p: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Keep tokens at least this share as probable as the most probable token; 0 keeps all",
    )


class TypicalOptions(Options):
    """How much probability stays."""

    typical_p: float = Field(
        default=0.9,
        ge=0,
        le=1,
        description="Keep the tokens nearest to the expected surprise that hold this share of the probability; "
        "1 keeps all",
    )


class EpsilonOptions(Options):
    """How probable a token must be."""

    epsilon_cutoff: float = Field(
        default=6e-4,
        ge=0,
        le=1,
        description="Keep tokens of at least this probability; the paper has 0.0003 to 0.0009; 0 keeps all",
    )


class EtaOptions(Options):
    """How probable a token must be where the model is sure."""

    eta_cutoff: float = Field(
        default=6e-4,
        ge=0,
        le=1,
        description="Keep tokens of at least this probability, and less probable ones where the model is unsure; "
        "the paper has 0.0003 to 0.002; 0 keeps all",
    )


class TopAOptions(Options):
    """How probable a token must be beside the most probable one."""

    top_a: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Keep tokens at least this times the square of the largest probability; 0 keeps all",
    )


class TopHOptions(Options):
    """How much entropy stays."""

    top_h: float = Field(
        default=0.4,
        ge=0,
        le=1,
        description="Keep the most probable tokens, of the first 100, that hold this share of the entropy; 1 keeps all",
    )


class PLessOptions(Options):
    """Whether it acts; there is nothing to tune."""

    p_less: bool = Field(
        default=True,
        description="Keep tokens at least as probable as two draws giving the same token; false keeps all",
    )


class XTCOptions(Options):
    """How often the most probable tokens are removed, and which."""

    xtc_probability: float = Field(
        default=0.5, ge=0, le=1, description="How often, for each token of the text; 0 never removes any"
    )
    xtc_threshold: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Remove all tokens of at least this probability but the least probable of them; "
        "above 0.5 removes none",
    )


class DynamicTemperatureOptions(Options):
    """How bold the choice is where the model is sure, and where it is not."""

    dynatemp_min: float = Field(
        default=0.5, ge=0, description="The temperature where one token is certain; both at 1 change nothing"
    )
    dynatemp_max: float = Field(default=1.5, ge=0, description="The temperature where all tokens are equally probable")
    dynatemp_exponent: float = Field(
        default=1.0,
        ge=0,
        description="Above 1 the temperature stays low until the model is very unsure; below 1 it rises early",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.dynatemp_min > self.dynatemp_max:
            raise ValueError(
                f"dynatemp_min is {self.dynatemp_min} and dynatemp_max {self.dynatemp_max}: the least temperature "
                "must not exceed the largest"
            )
        return self


class MirostatOptions(Options):
    """How surprising the text shall be, and how fast the bound follows."""

    mirostat_tau: float = Field(
        default=5.0, ge=0, description="The surprise to aim at, in bits a token; 0 turns mirostat off"
    )
    mirostat_eta: float = Field(
        default=0.1, ge=0, description="How far each token moves the bound, per bit that its surprise is off"
    )
