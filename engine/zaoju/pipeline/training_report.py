"""What is known of a training, whether it runs, was interrupted or is finished."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zaoju.config import Config
from zaoju.contracts import HeldOutScored, TrainStep
from zaoju.corpus import Account
from zaoju.errors import UserError
from zaoju.pipeline.scores import Scores
from zaoju.pipeline.stages import Stage
from zaoju.pipeline.token_length import learned, read_account
from zaoju.pipeline.training_log import TRAINING_LOG, Logged, read_training_log, training_seconds
from zaoju.pipeline.weights import count_weights


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What is known of a training, running or finished."""

    config: Mapping[str, object]
    """The whole configuration, as plain data."""

    log: Sequence[Logged]
    seconds: float
    characters_per_token: float
    """Of the training corpus, the token that ends a document included; of conversations the answers count."""

    tokens: int
    """How many tokens of the training corpus are learned, in one time over it."""

    account: Account
    parameters: int | None = None
    """Weights of the finished model, where it keeps them in safetensors."""

    scores: Scores | None = None
    """None before the model is evaluated."""

    @property
    def steps(self) -> list[tuple[TrainStep, float | None]]:
        """The optimiser steps, with the seconds until each."""
        return [(one.event, one.seconds) for one in self.log if isinstance(one.event, TrainStep)]

    @property
    def looks(self) -> list[tuple[HeldOutScored, float | None]]:
        """The looks at held-out text, with the seconds until each."""
        return [(one.event, one.seconds) for one in self.log if isinstance(one.event, HeldOutScored)]

    def tokens_at(self, step: int) -> float:
        """How many tokens were read until a step. Not every step is in the log, so it goes by the nearest before."""
        before = [event for event, _ in self.steps if event.step <= step]
        return before[-1].tokens * step / before[-1].step if before else 0.0

    def bits(self, loss: float) -> float:
        """A loss in nats per token as bits per character."""
        return loss / math.log(2) / self.characters_per_token


def report_training(config: Config, stages: Sequence[Stage], checkpoints: Path) -> TrainingReport:
    """Gather it from the folders of the stages and, before the training is finished, from its checkpoints.

    Raises `UserError` where the training has not begun.
    """
    folders = {stage.name: stage.folder for stage in stages}
    done = {stage.name for stage in stages if stage.done}
    folder = folders["train"] if "train" in done else checkpoints
    log = folder / TRAINING_LOG
    if not log.is_file() or not {"prepare", "encode"} <= done:
        raise UserError(
            f"there is no training to report on in {config.run}: for this configuration it has not begun."
            " `zaoju train` trains and writes the page; `zaoju status` shows what is done"
        )
    characters, tokens = learned(folders["prepare"], folders["encode"])
    scores = None
    if "evaluate" in done:
        scores = Scores.from_json(json.loads((folders["evaluate"] / "scores.json").read_text("utf-8")))
    return TrainingReport(
        config=config.model_dump(mode="json"),
        log=read_training_log(log),
        seconds=training_seconds(log),
        characters_per_token=characters / max(tokens, 1),
        tokens=tokens,
        account=read_account(folders["prepare"]),
        parameters=count_weights(folder / "model"),
        scores=scores,
    )
