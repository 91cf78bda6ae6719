"""Every builtin trainer with options for a run of seconds, for tests that hold for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packed_corpus import NUMBERS, VOCABULARY, make_run

from zaoju.contracts import EventSink, ModelPlan, Options, Trainer, TrainingRun
from zaoju_builtin.trainers.lean import LeanTrainer
from zaoju_builtin.trainers.lora import LoraTrainer
from zaoju_builtin.trainers.options import LeanOptions, LoraOptions, TransformersOptions
from zaoju_builtin.trainers.transformers_trainer import TransformersTrainer

STEPS = 12


@dataclass(frozen=True)
class Case:
    """A trainer and options for it."""

    trainer: type[Trainer[Options]]
    options: Options
    starts_from_folder: bool = False
    learns: float = 0.2
    """How far the loss falls at least; adapters in a model of 2 narrow layers cannot do much."""

    def build(self, **changes: object) -> Trainer[Options]:
        values = {**self.options.model_dump(), **changes}
        return self.trainer(type(self.options).model_validate(values))

    def run(
        self,
        folder: Path,
        emit: EventSink = lambda event: None,
        plan: ModelPlan | None = None,
        first_in: Path | None = None,
    ) -> TrainingRun:
        """A run in `folder`, which is gone on with where it is there.

        A trainer that begins with a trained model has it in `first_in`, `folder` where that is not given.
        """
        folder.mkdir(exist_ok=True)
        plan = plan or ModelPlan("gpt2", NUMBERS, VOCABULARY, 0)
        if self.starts_from_folder:
            home = (first_in or folder) / "first"
            first = home / "model"
            if not first.exists():
                before = make_run(home, model=plan)
                LeanTrainer(LeanOptions(steps=5, batch_size=4, learning_rate=0.01)).train(before)
            plan = ModelPlan(plan.architecture, plan.numbers, VOCABULARY, 0, init_from=first)
        return make_run(folder, emit=emit, model=plan)


_SHARED: dict[str, Any] = {"steps": STEPS, "batch_size": 4, "learning_rate": 0.01, "evaluate_every": 5, "accumulate": 2}
# The same numbers on every processor.
_LEAN: dict[str, Any] = {**_SHARED, "precision": "float32"}

CASES = {
    "lean": Case(LeanTrainer, LeanOptions(**_LEAN)),
    "lora": Case(
        LoraTrainer,
        LoraOptions(**_LEAN, dropout=0.1),
        starts_from_folder=True,
        learns=0.05,
    ),
    "transformers": Case(TransformersTrainer, TransformersOptions(**_SHARED)),
}
