"""A process that trains and says so, for tests that kill it: FOLDER OPTIONS."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch
from packed_corpus import make_run

from zaoju.contracts import Event, TrainStep
from zaoju_builtin.trainers.lean import LeanTrainer
from zaoju_builtin.trainers.options import LeanOptions


def emit(event: Event) -> None:
    if isinstance(event, TrainStep):
        print(f"step {event.step} of {event.steps}", flush=True)
        time.sleep(0.05)  # so that the kill lands before the run ends


if __name__ == "__main__":
    folder, options = Path(sys.argv[1]), LeanOptions.model_validate_json(sys.argv[2])
    torch.set_num_threads(int(sys.argv[3]))
    LeanTrainer(options.model_copy(update={"checkpoint_every_seconds": 0.001})).train(make_run(folder, emit=emit))
