"""A process that trains and says so, for tests that kill it: FOLDER TRAINER THREADS."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch
from trainer_cases import CASES

from zaoju.contracts import Event, TrainStep


def emit(event: Event) -> None:
    if isinstance(event, TrainStep):
        print(f"step {event.step} of {event.steps}", flush=True)
        time.sleep(0.05)  # so that the kill lands before the run ends


if __name__ == "__main__":
    folder, case = Path(sys.argv[1]), CASES[sys.argv[2]]
    torch.set_num_threads(int(sys.argv[3]))
    case.build(checkpoint_every_seconds=0.001).train(case.run(folder, emit))
