"""The best model of a run, and the model folder that the run leaves."""

from __future__ import annotations

import shutil
from pathlib import Path

from zaoju.contracts import Notice, TrainingRun
from zaoju.files import whole_folder
from zaoju.models import CausalLM
from zaoju.training.manifest import NAME, find_damage, write_manifest
from zaoju.training.state import Counters

_BEST = "best"


def keep_best(checkpoints: Path, model: CausalLM) -> None:
    """Make `model` the best one so far; it takes the place of the one before."""
    with whole_folder(checkpoints / _BEST) as partial:
        model.save(partial)
        write_manifest(partial)


def write_artefact(run: TrainingRun, model: CausalLM, counters: Counters) -> None:
    """Leave the best model in `run.artefact`; the last one where none was better, or where the best cannot be read."""
    best = run.checkpoints / _BEST
    damage = "" if counters.best_step in (None, counters.step) else find_damage(best)
    if damage:
        run.emit(Notice(f"the best model, in {best}, is damaged: {damage}; the last one is taken in its place"))
    with whole_folder(run.artefact) as partial:
        if damage or counters.best_step in (None, counters.step):
            model.save(partial)
        else:
            shutil.copytree(best, partial, dirs_exist_ok=True, ignore=shutil.ignore_patterns(NAME))
