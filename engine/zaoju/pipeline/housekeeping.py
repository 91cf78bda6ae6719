"""What a run folder holds: which stages are done, and what no present configuration needs."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zaoju.config import ConfigSource, check_config
from zaoju.pipeline.lock import alone_in
from zaoju.pipeline.pipeline import Pipeline
from zaoju.pipeline.stages import Stage
from zaoju.pipeline.standard_input import inputs_folder, kept_input

StageState = Literal["done", "interrupted", "to do"]


@dataclass(frozen=True, slots=True)
class StageStatus:
    """How far one stage of a configuration is."""

    stage: str
    state: StageState
    folder: Path


@dataclass(frozen=True, slots=True)
class Unused:
    """A folder that the configuration does not need."""

    folder: Path
    bytes: int


def status(config: ConfigSource = None, *, overrides: tuple[str, ...] = ()) -> list[StageStatus]:
    """Every stage of a configuration, in order. Runs nothing."""
    pipeline = _opened(config, overrides)
    return [StageStatus(stage.name, _state(pipeline, stage), stage.folder) for stage in pipeline.stages()]


def training_report(config: ConfigSource = None, *, overrides: tuple[str, ...] = ()) -> Path:
    """Write the page of a configuration's training, running, interrupted or finished; its path. Runs nothing.

    Without matplotlib it has the numbers of its plots as tables. Raises `UserError` where the training has not begun.
    """
    return _opened(config, overrides).training_report()


def clean(config: ConfigSource = None, *, overrides: tuple[str, ...] = (), remove: bool = True) -> list[Unused]:
    """Remove the stage folders and checkpoints that this configuration does not use, and say which.

    The published model is never touched, and of what came through standard input the last stays. What a killed process
    left half written goes too. With `remove=False` nothing is removed. Raises `UserError` where another process is at
    work in the run folder.
    """
    pipeline = _opened(config, overrides)
    used = {stage.folder for stage in pipeline.stages()}
    used |= {pipeline.checkpoints(stage) for stage in pipeline.stages()}
    run = pipeline.plan.config.run
    if not run.is_dir():
        return []
    with alone_in(run):  # so that no half-written folder is one that somebody is still writing
        last_input = kept_input(run)
        used |= {last_input.parent} if last_input else set()
        places = (run / "stages", run / "checkpoints", inputs_folder(run))
        folders = sorted(folder for place in places for folder in place.glob("*"))
        unused = [Unused(folder, _size(folder)) for folder in folders if folder.is_dir() and folder not in used]
        if remove:
            for item in unused:
                shutil.rmtree(item.folder)
    return unused


def _opened(config: ConfigSource, overrides: tuple[str, ...]) -> Pipeline:
    """The pipeline, to look at: it never waits for standard input."""
    checked = check_config(config, overrides=overrides)
    return Pipeline(checked.plan, checked.plugins, takes_input=False)


def _state(pipeline: Pipeline, stage: Stage) -> StageState:
    if stage.done:
        return "done"
    return "interrupted" if pipeline.checkpoints(stage).is_dir() else "to do"


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
