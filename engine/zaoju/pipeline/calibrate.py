"""How fast this machine trains: a few steps of the real trainer at sizes that take seconds."""

from __future__ import annotations

import re
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zaoju.contracts import EventSink, ModelPlan, Progress, Trainer, TrainingRun
from zaoju.models import CausalLM, choose_device, chunk_logits, free_memory, has_bfloat16, model_numbers
from zaoju.pipeline.checking import check_config
from zaoju.planning import Calibration, MeasuredStep, ModelShape, Pass, StepRate, precision_named
from zaoju.plugins import ResolvedComponent
from zaoju.tokenization import pack_random_tokens
from zaoju.training.hardware import peak_memory
from zaoju.workers import worker_processes

_VOCABULARY = 8000
_WINDOWS = 8
"""Batches of random text: enough that no step reads what the one before it read."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A step to time: a GPT-2 of a named size, over so many sequences of its context."""

    size: str
    sequences: int
    vocabulary: int = _VOCABULARY
    context: int | None = None


PROBES = (Probe("nano", 64), Probe("tiny", 16), Probe("mini", 4), Probe("mini", 16), Probe("medium", 1))
"""Narrow and wide, few tokens and many, so that arithmetic and memory can be told apart."""


@dataclass(frozen=True, slots=True)
class _Task:
    probe: Probe
    trainer: ResolvedComponent
    device: str


def calibrate(
    *, device: str = "auto", probes: Sequence[Probe] = PROBES, on_event: EventSink | None = None
) -> Calibration:
    """Time a few steps of the trainer `lean` at small sizes, each in a process of its own. Takes less than a minute.

    Raises `UserError` where there is no such device.
    """
    import torch  # only here: a plan on paper does not need it

    chosen = choose_device(device)
    precision = "autocast" if has_bfloat16(torch.device(chosen)) else "float32"
    steps = []
    for number, probe in enumerate(probes):
        # The published formulas count the arithmetic and the memory of AdamW.
        trainer = {"name": "lean", "steps": 1, "batch_size": probe.sequences, "optimiser": "adamw"}
        task = _Task(probe, check_config({"trainer": trainer}).plan.trainer, chosen)
        with worker_processes(measure, 1) as submit:
            seconds, peak = submit(task).result()
        one = Pass(probe.sequences, precision_named(precision), most_logits=chunk_logits(chosen))
        steps.append(MeasuredStep(_shape(probe), one, seconds, peak))
        if on_event is not None:
            on_event(Progress("calibrating", number + 1, len(probes), "steps"))
    memory = free_memory(torch.device(chosen))
    return Calibration(chosen, precision, memory, tuple(steps), StepRate.fit(steps))


def measure(task: _Task) -> tuple[float, int | None]:
    """The seconds of a step, and the most memory beyond that of the libraries. For a fresh process."""
    shape, probe = _shape(task.probe), task.probe
    with tempfile.TemporaryDirectory() as folder:
        train = Path(folder) / "train"
        train.mkdir()
        pack_random_tokens(train, (_WINDOWS * probe.sequences) * shape.context + 1, probe.vocabulary)
        run = TrainingRun(
            model=ModelPlan("gpt2", model_numbers("gpt2", probe.size, {}, probe.context), probe.vocabulary, 0),
            train=train,
            held_out=train,
            checkpoints=Path(folder) / "checkpoints",
            artefact=Path(folder) / "model",
            seed=1,
            device=task.device,
            emit=_nothing,
            observe=_no_score,
            cancel=threading.Event(),
        )
        trainer = task.trainer.build(Trainer)
        _load_libraries(task.device)
        before = _start_peak(task.device)
        found = trainer.preflight(run)
        peak = peak_memory(task.device)
    seconds = (found.seconds or 0.0) / found.steps
    return seconds, None if peak is None or before is None else peak - before


def _shape(probe: Probe) -> ModelShape:
    return ModelShape.of("gpt2", model_numbers("gpt2", probe.size, {}, probe.context), probe.vocabulary)


def _load_libraries(device: str) -> None:
    """A step of next to nothing, so that what is loaded at the first one does not count."""
    import accelerate  # type: ignore[import-untyped]  # noqa: F401  # ships no annotations
    import torch

    layer = torch.nn.Linear(8, 8, device=device)
    optimiser = torch.optim.AdamW(layer.parameters())
    layer(torch.ones(8, 8, device=device)).sum().backward()
    optimiser.step()


def _start_peak(device: str) -> int | None:
    """Begin to measure the peak of this process anew; what it holds now, in bytes. None where that is not possible."""
    import torch

    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    found = re.search(r"VmRSS:\s*(\d+) kB", status)
    return None if found is None else int(found[1]) * 1024


def _nothing(event: object) -> None:
    """Nobody listens."""


def _no_score(step: int, model: CausalLM) -> float:
    return 0.0
