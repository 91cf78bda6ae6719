"""Makes the golden checkpoint of this version of zaoju: python tests/training/golden/make.py

Run it once for each released version, with `tests` and `tests/training` on PYTHONPATH, and commit the folder that it
makes. A training of 12 steps is stopped after the sixth; kept are the data, the checkpoint, and the losses of the
steps that follow. In float32 and without dropout, since the rest differs from one kind of processor to another.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import torch
from packed_corpus import VOCABULARY, make_run

import zaoju
from zaoju.contracts import Event, ModelPlan, TrainStep
from zaoju.errors import Cancelled
from zaoju.training.manifest import write_manifest
from zaoju_builtin.trainers.lean import LeanTrainer
from zaoju_builtin.trainers.options import LeanOptions

HOME = Path(__file__).parent
STEPS, STOP = 12, 6
NUMBERS = {"n_layer": 1, "n_embd": 32, "n_head": 2, "n_positions": 16}
OPTIONS = LeanOptions(
    steps=STEPS,
    batch_size=4,
    learning_rate=0.01,
    evaluate_every=4,
    precision="float32",
    optimiser="adamw",
    betas=(0.9, 0.98),
)
PLAN = ModelPlan("gpt2", NUMBERS, VOCABULARY, 0)
EXPECTED = "expected.json"


def main() -> None:
    """Write the folder of this version."""
    folder = HOME / zaoju.__version__
    losses: dict[int, float] = {}
    drawn: list[float] = []
    with tempfile.TemporaryDirectory() as scratch:

        def emit(event: Event) -> None:
            if not isinstance(event, TrainStep):
                return
            losses[event.step] = event.loss
            if event.step == STOP and not drawn:
                with torch.random.fork_rng(devices=[]):
                    drawn.extend(torch.rand(4).tolist())
                run.cancel.set()

        run = make_run(Path(scratch), emit=emit, model=PLAN)
        try:
            LeanTrainer(OPTIONS).train(run)
        except Cancelled:
            run.cancel.clear()
        kept = run.checkpoints / f"step-{STOP:08d}"
        shutil.copytree(run.train, folder / "train")
        shutil.copytree(kept, folder / "checkpoints" / kept.name)
        LeanTrainer(OPTIONS).train(run)
    _forget_the_machine(folder / "checkpoints" / kept.name)
    expected = {"losses": {step: loss for step, loss in losses.items() if step > STOP}, "drawn": drawn}
    (folder / EXPECTED).write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")


def _forget_the_machine(checkpoint: Path) -> None:
    """The name of the processor is nobody's business; it is another environment everywhere else."""
    state = json.loads((checkpoint / "state.json").read_text("utf-8"))
    state["environment"]["device name"] = "of the golden checkpoint"
    (checkpoint / "state.json").write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
    write_manifest(checkpoint)


if __name__ == "__main__":
    main()
