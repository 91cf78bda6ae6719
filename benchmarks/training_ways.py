"""The ways to train that are measured side by side: transformers.Trainer, loops of our own, and zaoju's trainer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from measuring import quiet
from taking_turns import Turn
from torch.utils.data import Dataset
from training_data import SEED, Task

import zaoju
from zaoju.contracts import Event, StageStarted, TrainStep
from zaoju.models import CausalLM, TransformersLM

RATE = 1e-3


def trainer(turn: Turn, task: Task, arguments: dict[str, Any]) -> None:
    """`transformers.Trainer` over transformers' own GPT-2; `arguments` are beyond its defaults."""
    from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments, set_seed

    quiet()
    turn.ready()
    set_seed(SEED)
    model = _transformers_model(task)

    class Turns(TrainerCallback):
        def on_train_begin(self, *_: object, **__: object) -> None:
            turn.begin()

        def on_step_end(self, *_: object, **__: object) -> None:
            turn.step(lambda: task.score(model))

    defaults: dict[str, Any] = {
        "output_dir": str(task.folder / f"trainer-{time.time_ns()}"),
        "max_steps": task.steps,
        "per_device_train_batch_size": task.batch_size,
        "seed": SEED,
        "use_cpu": task.device == "cpu",
        "report_to": "none",
        "disable_tqdm": True,
        "bf16": task.precision == "bfloat16",
    }
    upstream = Trainer(
        model=model.network,
        args=TrainingArguments(**{**defaults, **arguments}),
        train_dataset=_Windows(task),
        callbacks=[Turns()],
    )
    # Its lines of numbers would stand between those of the table.
    upstream.remove_callback(PrinterCallback)
    upstream.train()


def plain_loop(turn: Turn, task: Task, compiled: bool) -> None:
    """The shortest loop over transformers' own GPT-2."""
    model = _transformers_model(task)
    network: Callable[..., Any] = torch.compile(model.network) if compiled else model.network

    def loss(ids: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        logits = network(ids, use_cache=False).logits
        return F.cross_entropy(logits.float().flatten(0, 1), targets.flatten())

    _loop(turn, task, model, loss)


def bare_lean_loop(turn: Turn, task: Task, compiled: bool) -> None:
    """The shortest loop over zaoju's own module: no clipping, no schedule, nothing kept."""
    model = task.lean_model()
    _loop(turn, task, model, torch.compile(model.loss) if compiled else model.loss)


def lean_trainer(turn: Turn, task: Task, options: dict[str, object], run: Path) -> None:
    """zaoju's trainer as a user runs it: data, log, looks at held-out text, samples, checkpoints.

    It writes into `run`, where the corpus and the vocabulary are made already.
    """
    began = False

    def on_event(event: Event) -> None:
        nonlocal began
        if isinstance(event, StageStarted):
            turn.ready()
        if isinstance(event, TrainStep):
            if began:
                turn.step()
            else:
                # The first step is over when it is heard of, so it is not counted.
                turn.begin()
            began = True

    chosen = json.dumps({"name": "lean", **options})
    zaoju.train(task.config, on_event=on_event, overrides=[f"trainer={chosen}", f"run={run}"])


def _loop(turn: Turn, task: Task, model: CausalLM, loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> None:
    batches = task.batches()
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, fused=True)
    turn.ready()
    turn.begin()
    for number in range(task.steps):
        ids, targets = (part.to(task.device, non_blocking=True) for part in batches.batch(number))
        with _autocast(task):
            value = loss(ids, targets)
        value.backward()  # type: ignore[no-untyped-call]  # torch
        optimiser.step()
        optimiser.zero_grad()
        turn.step(lambda: task.score(model))


def _autocast(task: Task) -> AbstractContextManager[object]:
    return torch.autocast(task.device, torch.bfloat16) if task.precision == "bfloat16" else nullcontext()


def _transformers_model(task: Task) -> TransformersLM:
    torch.manual_seed(SEED)
    numbers = {
        **task.numbers,
        "vocab_size": task.vocabulary_size,
        "bos_token_id": task.end_of_text,
        "eos_token_id": task.end_of_text,
    }
    model = TransformersLM.from_numbers("gpt2", numbers)
    model.to(task.device).train()
    return model


class _Windows(Dataset[dict[str, torch.Tensor]]):
    """The windows that every way trains on, one by one, as `Trainer` wants them; it shifts the labels itself."""

    def __init__(self, task: Task) -> None:
        self._windows = task.windows()

    def __len__(self) -> int:
        return len(self._windows)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        ids = self._windows[index]
        return {"input_ids": ids, "labels": ids}
