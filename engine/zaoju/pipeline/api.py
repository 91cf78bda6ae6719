"""The pipeline as plain functions: what `import zaoju` and the command line offer.

`config` is a path to a YAML file, a mapping with the same keys, or None for `config.yaml` in the current folder. Every
function also takes the keywords of `RunOptions`.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, Unpack

from zaoju.config import ConfigSource, check_config
from zaoju.contracts import EventSink
from zaoju.corpus import Account
from zaoju.pipeline.pipeline import Pipeline
from zaoju.pipeline.scores import Scores


class RunOptions(TypedDict, total=False):
    """How a stage is run and watched."""

    overrides: Sequence[str]
    """`key.path=value` texts, as for `--set`."""

    on_event: EventSink | None
    """Called with every event, in the thread that does the work."""

    cancel: threading.Event | None
    """Set it from another thread to stop the work soon with `Cancelled`. What was finished is kept, and a training goes
    on from where it stopped when it is asked for again."""

    inexact: bool
    """Let an interrupted training go on in another environment (torch, threads, device), though not bit for bit.
    Without it that is refused."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a whole run leaves."""

    model: Path
    account: Account
    scores: Scores


def open_pipeline(config: ConfigSource = None, **options: Unpack[RunOptions]) -> Pipeline:
    """The stages of a configuration, to be run one by one. Nothing runs yet."""
    checked = check_config(config, overrides=options.get("overrides", ()))
    return Pipeline(
        checked.plan,
        checked.plugins,
        on_event=options.get("on_event"),
        cancel=options.get("cancel"),
        inexact=options.get("inexact", False),
    )


def run(config: ConfigSource = None, **options: Unpack[RunOptions]) -> RunResult:
    """The whole path: corpus in, a trained, scored and published model out. Unchanged stages are skipped.

    Of several processes that `torchrun` has started, the main one does all but the training.
    """
    pipeline = open_pipeline(config, **options)
    account, scores = pipeline.run()
    return RunResult(account=account, scores=scores, model=pipeline.model_folder)


def prepare(config: ConfigSource = None, **options: Unpack[RunOptions]) -> Account:
    """Read, clean, deduplicate and split the corpus; returns its account."""
    return open_pipeline(config, **options).account()


def vocabulary(config: ConfigSource = None, **options: Unpack[RunOptions]) -> Path:
    """Build the tokenizer; returns its folder."""
    return open_pipeline(config, **options).vocabulary()


def train(config: ConfigSource = None, **options: Unpack[RunOptions]) -> Path:
    """Train the model, or go on with an interrupted training; returns the model's folder."""
    return open_pipeline(config, **options).train() / "model"


def evaluate(config: ConfigSource = None, **options: Unpack[RunOptions]) -> Scores:
    """Score the model on the held-out documents, write samples and publish it; returns the scores."""
    return open_pipeline(config, **options).scores()
