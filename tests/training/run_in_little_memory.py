"""A process that may take no more memory than a step needs, for test_fitting.py: FOLDER SIZE PASSES [met].

It trains a step of SIZE windows a pass and prints the error where it is refused; with `met` nothing is foreseen.
"""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path

import torch
from packed_corpus import NUMBERS, VOCABULARY, make_run

from zaoju.contracts import ModelPlan
from zaoju.errors import UserError
from zaoju.models import free_memory
from zaoju_builtin.trainers import fitting
from zaoju_builtin.trainers.lean import LeanTrainer
from zaoju_builtin.trainers.options import LeanOptions

ROOM = 200 * 2**20


def main(folder: Path, size: int, passes: int, *, foreseen: bool) -> None:
    """Train one step in little memory."""
    plan = ModelPlan("gpt2", {**NUMBERS, "n_positions": 128, "n_embd": 256}, VOCABULARY, 0)
    run = make_run(folder, tokens=size * passes * 128 + 1, model=plan)
    LeanTrainer(LeanOptions(steps=1, batch_size=1)).preflight(run)  # what is loaded once is there
    found = re.search(r"VmSize:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    limit = int(found[1]) * 1024 + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    free = free_memory(torch.device("cpu"), swap=True)
    assert free is not None
    assert free <= ROOM + 2**20
    if not foreseen:
        fitting._UNCERTAIN = 0.99
    try:
        LeanTrainer(LeanOptions(steps=1, batch_size=size, accumulate=passes)).train(run)
    except UserError as error:
        print(error)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), foreseen=sys.argv[4:] != ["met"])
