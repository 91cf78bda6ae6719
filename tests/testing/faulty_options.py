"""Options of faulty components, in a module that is light, as the contract asks."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from zaoju import Options


class SilentOptions(Options):
    """Says nothing about its option."""

    length: int = 2


class WithinOptions(Options):
    within: float = Field(default=2.0, ge=0, description="How far below the largest logit a token may lie; 0 keeps all")


class ShareOptions(Options):
    share: float = Field(default=0.9, ge=0, le=1, description="How much of the probability stays; 1 keeps all")


class FewOptions(Options):
    few: int = Field(default=3, ge=0, description="How many tokens stay; 0 keeps all")


class TiltOptions(Options):
    tilt: float = Field(default=1.5, ge=0.5, le=2, description="What used tokens are divided by; 1 changes nothing")
    offset: float = Field(default=0.0, ge=-1, le=1, description="What is added to used tokens")


class BanOptions(Options):
    ban: list[str] = Field(default=[], description="Texts that must not come, of one token each")


class SurpriseOptions(Options):
    surprise: float = Field(default=0.5, ge=0, le=10, description="How much surprising texts are flattened; 0 is not")


class OpenOptions(Options):
    """Takes what it does not know."""

    model_config = ConfigDict(extra="ignore")

    within: float = Field(default=2.0, ge=0, description="How far below the largest logit a token may lie; 0 keeps all")


class WideOptions(Options):
    rows: int = Field(default=3, ge=1, description="How many texts are kept")


class CopyOptions(Options):
    length: int = Field(default=2, ge=1, description="How many tokens are proposed")


class WordOptions(Options):
    word: str = Field(default="今天", min_length=1, description="The text")
