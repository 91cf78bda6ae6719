"""The best model of a run, and the model folder that the run leaves."""

from __future__ import annotations

import shutil
from pathlib import Path

from zaoju.contracts import Notice, TrainingRun
from zaoju.models import CausalLM
from zaoju.training.manifest import NAME, find_damage, write_manifest
from zaoju.training.state import Counters
from zaoju.training.written import written_whole

_BEST = "best"


def keep_best(checkpoints: Path, model: CausalLM, step: int) -> None:
    """Make `model`, as it is after `step`, the best one so far, in place of the one before. Raises `UserError`."""
    with written_whole(checkpoints / _BEST, f"the best model, of step {step},") as partial:
        model.save(partial)
        write_manifest(partial)


def best_folder(run: TrainingRun, counters: Counters) -> Path | None:
    """Where `keep_best` has left the best model; None where that is the last one, or where it cannot be read."""
    if counters.best_step in (None, counters.step):
        return None
    best = run.checkpoints / _BEST
    damage = find_damage(best)
    if damage:
        run.emit(Notice(f"the best model, in {best}, is damaged: {damage}; the last one is taken in its place"))
    return None if damage else best


def write_artefact(run: TrainingRun, model: CausalLM, counters: Counters) -> None:
    """Leave the best model in `run.artefact`; the last one where none was better, or where the best cannot be read.

    Raises `UserError` where the disk does not take it.
    """
    best = best_folder(run, counters)
    with written_whole(run.artefact, f"the model of step {counters.step}") as partial:
        if best is None:
            model.save(partial)
        else:
            shutil.copytree(best, partial, dirs_exist_ok=True, ignore=shutil.ignore_patterns(NAME))
