"""Options of the builtin trainers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from zaoju.contracts import Options

DEFAULT_MINUTES = 3.0


class LeanOptions(Options):
    """Options of the trainer `lean`."""

    steps: int | None = Field(default=None, ge=1, description="Train this many optimiser steps")
    epochs: float | None = Field(default=None, gt=0, description="Train on the whole corpus this many times")
    minutes: float | None = Field(
        default=None,
        gt=0,
        description="Train for about this long: steps are timed at the start, then their number is fixed. "
        f"Without steps, epochs and minutes: {DEFAULT_MINUTES:g} minutes",
    )
    batch_size: int = Field(default=16, ge=1, description="Windows of text in one pass")
    accumulate: int = Field(default=1, ge=1, description="Passes whose gradients make one step, where memory is short")
    windows: Literal["packed", "documents"] = Field(
        default="packed",
        description="packed: cut from the whole stream of text without gaps; documents: one document each, for short "
        "texts that a small model should learn quickly",
    )
    window: int | None = Field(
        default=None, ge=1, description="Tokens per window; without it the model's context, at most 1024"
    )
    learning_rate: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="The highest one; without it, by the model's width, and lower for init_from",
    )
    new_rows_first: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="After zaoju extend: the share of the steps that train nothing but the rows of the new tokens, "
        "before all weights are trained",
    )
    new_rows_learning_rate: float | None = Field(
        default=None, gt=0, le=1, description="The highest one in those steps; without it, that of a new model"
    )
    optimiser: Literal["adamw", "muon"] = Field(
        default="adamw",
        description="adamw; or muon for the matrices of the layers, with AdamW for the rest: more is learned per step",
    )
    schedule: Literal["cosine", "wsd"] = Field(default="cosine", description="How the learning rate falls")
    warmup: float = Field(default=0.05, ge=0, lt=1, description="The share of the steps in which it rises first")
    weight_decay: float = Field(default=0.1, ge=0, description="AdamW's, for matrices; not for norms and biases")
    betas: tuple[float, float] = Field(default=(0.9, 0.98), description="AdamW's two averages")
    clip: float = Field(default=1.0, gt=0, description="The largest norm of the gradient")
    evaluate_every: int | Literal["auto"] = Field(
        default="auto", description="Steps between two looks at held-out text; auto: six looks in a run"
    )
    checkpoint_every_seconds: float = Field(default=30.0, gt=0, description="Time between two checkpoints")

    @model_validator(mode="after")
    def _one_budget(self) -> LeanOptions:
        given = [name for name in ("steps", "epochs", "minutes") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are both set; give one of steps, epochs and minutes")
        if isinstance(self.evaluate_every, int) and self.evaluate_every < 1:
            raise ValueError(f"evaluate_every must be at least 1 or auto, got {self.evaluate_every}")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas must be at least 0 and below 1, got {list(self.betas)}")
        return self
