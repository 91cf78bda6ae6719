"""The training stage: the trainer gets its run, is checked beforehand and watched meanwhile."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

from zaoju.config import Plan
from zaoju.contracts import EventSink, ModelPlan, Notice, Preflight, Trainer, TrainingRun
from zaoju.errors import PluginError
from zaoju.files import read_json_object, write_text_whole
from zaoju.models import Extension, choose_device, model_numbers
from zaoju.pipeline.duration import duration
from zaoju.pipeline.observer import Observer
from zaoju.pipeline.token_length import characters_per_token
from zaoju.pipeline.tracking import tracking
from zaoju.pipeline.training_log import TRAINING_LOG, TrainingLog
from zaoju.plugins import PluginManager
from zaoju.tokenization import PackedTokens, Tokenizer


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

    def work(self, folder: Path, checkpoints: Path, prepared: Path, vocabulary: Path, encoded: Path) -> None:
        """Train into `folder/model`. `checkpoints` outlives an interruption, and the training's log with it."""
        checkpoints.mkdir(parents=True, exist_ok=True)
        log = TrainingLog(checkpoints / TRAINING_LOG)
        tokenizer = Tokenizer.load(vocabulary, self._plugins)
        for part in ("train", "held_out"):
            PackedTokens.verify(encoded / part, tokenizer)
        config = self._plan.config
        with tracking(
            self._plan.trackers,
            config.run,
            checkpoints.name,
            config.model_dump(mode="json"),
            characters_per_token(prepared, encoded),
            log.telling(self._emit),
        ) as emit:
            self._train(folder, checkpoints, prepared, tokenizer, encoded, emit)
        tokenizer.save(folder / "model")
        if self._conversations:
            _end_answers(folder / "model", tokenizer.end_of_text)
        log.finish()
        shutil.copyfile(checkpoints / TRAINING_LOG, folder / TRAINING_LOG)

    def _train(
        self, folder: Path, checkpoints: Path, prepared: Path, tokenizer: Tokenizer, encoded: Path, emit: EventSink
    ) -> None:
        config, held_out = self._plan.config, prepared / "held_out.jsonl"
        observer = Observer(
            held_out,
            tokenizer,
            self._plugins,
            self._plan.decoding,
            config.evaluation.prompts,
            emit,
            chat=self._conversations,
        )
        run = TrainingRun(
            model=self._model_plan(tokenizer),
            train=encoded / "train",
            held_out=encoded / "held_out",
            checkpoints=checkpoints,
            artefact=folder / "model",
            seed=config.seed,
            device=choose_device(config.device),
            emit=emit,
            observe=observer.observe,
            cancel=self._cancel,
            inexact=self._inexact,
        )
        trainer = self._plan.trainer.build(Trainer)
        emit(Notice(describe(trainer.preflight(run))))
        trainer.train(run)
        if not run.artefact.is_dir():
            raise PluginError(f"trainer {self._plan.trainer.name!r} of {self._plan.trainer.package} left no model")

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
