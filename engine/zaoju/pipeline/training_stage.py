"""The training stage: the trainer gets its run, is checked beforehand and watched meanwhile."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from zaoju.config import Plan
from zaoju.contracts import EventSink, ModelPlan, Notice, Preflight, Trainer, TrainingRun
from zaoju.errors import ConfigError, PluginError
from zaoju.files import read_json_object, write_text_whole
from zaoju.models import CausalLM, Extension, choose_device, model_numbers
from zaoju.pipeline.duration import duration
from zaoju.pipeline.observer import Observer
from zaoju.pipeline.together import Together
from zaoju.pipeline.token_length import characters_per_token
from zaoju.pipeline.tracking import tracking
from zaoju.pipeline.training_log import TRAINING_LOG, TrainingLog
from zaoju.plugins import PluginManager, ResolvedComponent
from zaoju.tokenization import PackedTokens, Tokenizer


@dataclass(frozen=True, slots=True)
class TrainingPlaces:
    """The folders of a training."""

    folder: Path
    """What it leaves: the model."""

    checkpoints: Path
    """They outlive an interruption, and the training's log with them."""

    prepared: Path
    vocabulary: Path
    encoded: Path

    def to_json(self) -> dict[str, str]:
        """The paths as text."""
        return {name: str(path) for name, path in asdict(self).items()}

    @classmethod
    def from_json(cls, values: Mapping[str, str]) -> TrainingPlaces:
        """What `to_json` has given."""
        return cls(**{name: Path(path) for name, path in values.items()})


class TrainingStage:
    """Turns packed tokens into a model folder."""

    def __init__(
        self,
        plan: Plan,
        plugins: PluginManager,
        emit: EventSink,
        cancel: threading.Event,
        *,
        inexact: bool,
        conversations: bool = False,
    ) -> None:
        """With `conversations`, prompts are questions, and the texts that are looked at are answers."""
        self._plan = plan
        self._plugins = plugins
        self._emit = emit
        self._cancel = cancel
        self._inexact = inexact
        self._conversations = conversations

    def work(self, places: TrainingPlaces, together: Together | None) -> None:
        """Train into `places.folder / "model"`; with `together` in all its processes, of which this is the main one."""
        places.checkpoints.mkdir(parents=True, exist_ok=True)
        log = TrainingLog(places.checkpoints / TRAINING_LOG)
        tokenizer = Tokenizer.load(places.vocabulary, self._plugins)
        for part in ("train", "held_out"):
            PackedTokens.verify(places.encoded / part, tokenizer)
        config = self._plan.config
        with tracking(
            self._plan.trackers,
            config.run,
            places.checkpoints.name,
            config.model_dump(mode="json"),
            characters_per_token(places.prepared, places.encoded),
            log.telling(self._emit),
        ) as emit:
            observer = Observer(
                places.prepared / "held_out.jsonl",
                tokenizer,
                self._plugins,
                self._plan.decoding,
                config.evaluation.prompts,
                emit,
                chat=self._conversations,
            )
            if together is not None:
                together.begin(places.to_json(), choose_device(config.device))
            run = self._training_run(places, tokenizer, emit, observer.observe)
            self._train(run)
        if not run.artefact.is_dir():
            raise PluginError(f"trainer {self._plan.trainer.name!r} of {self._plan.trainer.package} left no model")
        tokenizer.save(places.folder / "model")
        if self._conversations:
            _end_answers(places.folder / "model", tokenizer.end_of_text)
        log.finish()
        shutil.copyfile(places.checkpoints / TRAINING_LOG, places.folder / TRAINING_LOG)

    def join(self, places: TrainingPlaces) -> None:
        """Take part in the training of the main process."""
        tokenizer = Tokenizer.load(places.vocabulary, self._plugins)
        self._train(self._training_run(places, tokenizer, self._emit, _of_the_main_process))

    def _train(self, run: TrainingRun) -> None:
        trainer = self._plan.trainer.build(Trainer)
        run.emit(Notice(describe(trainer.preflight(run))))
        trainer.train(run)

    def _training_run(
        self,
        places: TrainingPlaces,
        tokenizer: Tokenizer,
        emit: EventSink,
        observe: Callable[[int, CausalLM], float],
    ) -> TrainingRun:
        config = self._plan.config
        return TrainingRun(
            model=self._model_plan(tokenizer),
            train=places.encoded / "train",
            held_out=places.encoded / "held_out",
            checkpoints=places.checkpoints,
            artefact=places.folder / "model",
            seed=config.seed,
            device=choose_device(config.device),
            emit=emit,
            observe=observe,
            cancel=self._cancel,
            inexact=self._inexact,
        )

    def _model_plan(self, tokenizer: Tokenizer) -> ModelPlan:
        model = self._plan.config.model
        extension = None if model.init_from is None else Extension.read(model.init_from)
        return ModelPlan(
            architecture=model.architecture,
            numbers=model_numbers(model.architecture, model.size, model.numbers, model.context),
            vocabulary_size=tokenizer.vocabulary_size,
            end_of_text=tokenizer.end_of_text,
            init_from=model.init_from,
            first_new=None if extension is None else extension.first_new,
            new_marks=0 if model.init_from is None else self._new_marks(tokenizer, model.init_from),
        )

    def _new_marks(self, tokenizer: Tokenizer, init_from: Path) -> int:
        return tokenizer.vocabulary_size - Tokenizer.load(init_from, self._plugins).vocabulary_size


def check_trains_together(trainer: ResolvedComponent) -> None:
    """Raise `ConfigError` where the trainer cannot train in several processes."""
    if not trainer.build(Trainer).trains_together:
        raise ConfigError(
            f"trainer {trainer.name!r} of {trainer.package} trains in one process, and several were started: take the "
            "trainer lean, or start zaoju without torchrun or accelerate launch"
        )


def join_training(
    plan: Plan, plugins: PluginManager, emit: EventSink, cancel: threading.Event, together: Together, *, inexact: bool
) -> None:
    """Wait for the main process to begin to train, and take part; nothing where there is nothing left to train."""
    task = together.wait_for_task(choose_device(plan.config.device))
    if task is not None:
        TrainingStage(plan, plugins, emit, cancel, inexact=inexact).join(TrainingPlaces.from_json(task))


def describe(preflight: Preflight) -> str:
    """The preflight in one line, for a person."""
    time = "" if preflight.seconds is None else f", about {duration(preflight.seconds)}"
    return (
        f"training: {preflight.parameters:,} parameters, {preflight.steps:,} steps of "
        f"{preflight.tokens_per_step:,} tokens, about {preflight.memory_bytes / 2**20:,.0f} MiB{time}"
    )


def _end_answers(model: Path, end: int) -> None:
    """Let transformers' `generate` end a text where an answer ends."""
    path = model / "generation_config.json"
    values = read_json_object(path) or {}
    write_text_whole(path, json.dumps({**values, "eos_token_id": end}, indent=2) + "\n")


def _of_the_main_process(step: int, model: CausalLM) -> float:
    raise RuntimeError("only the main process looks at held-out text")
