"""The stages of one run, joined: corpus -> tokenization -> training -> evaluation -> a published model."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from zaoju.config import Plan
from zaoju.contracts import Cleaner, EventSink, Executor, Notice, Options, Reader
from zaoju.corpus import Account, Elsewhere, prepare
from zaoju.files import hash_json, write_text_whole
from zaoju.launched import is_main_process, number_of_processes, refuse_several
from zaoju.pages import write_page
from zaoju.pipeline.artefact import publish, published_key, texts_identity
from zaoju.pipeline.checking import check_model
from zaoju.pipeline.corpus_report import REPORT_PAGE, write_corpus_report
from zaoju.pipeline.events import combined
from zaoju.pipeline.keys import component_key, model_key, reader_key
from zaoju.pipeline.lock import alone_in
from zaoju.pipeline.scores import Scores
from zaoju.pipeline.stages import Stage, StageRunner
from zaoju.pipeline.standard_input import (
    asks_for_standard_input,
    inputs_folder,
    keep_standard_input,
    kept_input,
    with_standard_input,
)
from zaoju.pipeline.token_length import read_account
from zaoju.pipeline.training_log import TRAINING_LOG, training_seconds
from zaoju.pipeline.training_page import training_page
from zaoju.pipeline.training_report import report_training
from zaoju.plugins import PluginManager, ResolvedComponent
from zaoju.tokenization import Tokenizer, build_tokenizer, pack_documents

if TYPE_CHECKING:
    from zaoju.pipeline.together import Together


class Pipeline:
    """One configuration, ready to run. Every method does what comes before it first, and skips what is unchanged."""

    def __init__(
        self,
        plan: Plan,
        plugins: PluginManager,
        *,
        on_event: EventSink | None = None,
        cancel: threading.Event | None = None,
        takes_input: bool = True,
        inexact: bool = False,
    ) -> None:
        """Without `takes_input` a reader of standard input has what came there the last time."""
        check_model(plan.config.model)
        self.plan = plan
        self.plugins = plugins
        self._emit = combined(on_event, plugins) if is_main_process() else _silent
        self._cancel = cancel or threading.Event()
        self._inexact = inexact
        self._stages = StageRunner(plan.config.run, self._emit, self._cancel)
        self._takes_input = takes_input
        for warning in plugins.warnings:
            self._emit(Notice(warning))

    @property
    def model_folder(self) -> Path:
        """Where the finished model lies."""
        return self.plan.config.run / "model"

    def checkpoints(self, stage: Stage) -> Path:
        """Where a stage keeps what lets it go on, while it is not finished: training its checkpoints, preparing shards.

        Shards do not depend on what is done with them, so a changed `minimum_kept` or `unreadable` finds them again.
        """
        inputs = {name: stage.inputs.get(name) for name in ("readers", "cleaners", "near_duplicates")}
        key = hash_json(inputs)[:12] if stage.name == "prepare" else stage.key
        return self.plan.config.run / "checkpoints" / key

    def prepare(self) -> Path:
        """Read, clean and deduplicate the corpus; part it into training and held-out documents."""
        corpus = self.plan.config.corpus
        cleaners: list[tuple[str, Cleaner[Options]]] = [(item.name, item.build(Cleaner)) for item in self.plan.cleaners]
        work_folder = self.checkpoints(self._prepare_stage)

        def work(folder: Path) -> None:
            prepare(
                self._readers,
                cleaners,
                folder,
                work=work_folder,
                drop_duplicates=corpus.duplicates == "drop",
                near_duplicates=corpus.near_duplicates,
                held_out=corpus.held_out,
                minimum_kept=corpus.minimum_kept,
                seed=self.plan.config.seed,
                skip_unreadable=corpus.unreadable == "skip",
                emit=self._emit,
                cancel=self._cancel,
                elsewhere=Elsewhere(
                    self.plan.executor.build(Executor), corpus.workers, self._reader_components, self.plan.cleaners
                ),
            )

        prepared = self._stages.run(self._prepare_stage, work)
        self._forget(work_folder)
        return prepared

    def vocabulary(self) -> Path:
        """Build the tokenizer, or take that of the model to train on."""
        documents = self.prepare() / "train.jsonl"
        tokenization = self.plan.config.tokenization
        init_from = self.plan.config.model.init_from

        def work(folder: Path) -> None:
            if init_from is not None:
                tokenizer = Tokenizer.load(init_from, self.plugins)
                (tokenizer.for_conversations() if self._conversations else tokenizer).save(folder)
                return
            build_tokenizer(
                documents,
                self.plan.segmenter,
                self.plan.vocabulary,
                live=tokenization.live,
                workers=tokenization.workers,
                emit=self._emit,
                cancel=self._cancel,
                conversations=self._conversations,
            ).save(folder)

        return self._stages.run(self._vocabulary_stage, work)

    def encode(self) -> Path:
        """Turn the documents into packed tokens."""
        prepared, vocabulary = self.prepare(), self.vocabulary()

        def work(folder: Path) -> None:
            tokenizer = Tokenizer.load(vocabulary, self.plugins)
            for part in ("train", "held_out"):
                (folder / part).mkdir()
                pack_documents(
                    prepared / f"{part}.jsonl",
                    tokenizer,
                    folder / part,
                    workers=self.plan.config.tokenization.workers,
                    emit=self._emit,
                    cancel=self._cancel,
                )

        return self._stages.run(self._encode_stage, work)

    def train(self) -> Path:
        """Train the model, or go on where an interrupted training stopped.

        Of several processes that `torchrun` has started, the main one does all but the steps of the training. Raises
        `EndedElsewhere` where another one of them has failed.
        """
        (trained,) = self._in_all_processes(lambda together: [self._train(together)])
        return trained

    def run(self) -> tuple[Account, Scores]:
        """Prepare, train, score and publish. Of several processes that `torchrun` has started, as `train`."""
        prepared, evaluated = self._in_all_processes(
            lambda together: [self.prepare(), self._evaluate(self._train(together))]
        )
        return read_account(prepared), _read_scores(evaluated)

    def _in_all_processes(self, work: Callable[[Together | None], list[Path]]) -> list[Path]:
        """What `work` gives in the main process, which the others help to train meanwhile."""
        if number_of_processes() == 1:
            return work(None)
        # Deferred here and below: a stage that is done, or does without, never waits for torch.
        from zaoju.pipeline.together import Together
        from zaoju.pipeline.training_stage import check_trains_together, join_training

        check_trains_together(self.plan.trainer)
        together = Together(self._cancel)
        with together.ending_together():
            if together.is_main:
                return _paths(together.finish(json.dumps([str(path) for path in work(together)])))
            join_training(self.plan, self.plugins, self._emit, self._cancel, together, inexact=self._inexact)
            return _paths(together.finish(""))

    def _train(self, together: Together | None) -> Path:
        prepared, vocabulary, encoded = self.prepare(), self.vocabulary(), self.encode()
        stage = self._train_stage
        checkpoints = self.checkpoints(stage)

        def work(folder: Path) -> None:
            from zaoju.pipeline.training_stage import TrainingPlaces, TrainingStage

            training = TrainingStage(
                self.plan,
                self.plugins,
                self._emit,
                self._cancel,
                inexact=self._inexact,
                conversations=self._conversations,
            )
            training.work(TrainingPlaces(folder, checkpoints, prepared, vocabulary, encoded), together)

        trained = self._stages.run(stage, work)
        self._forget(checkpoints)
        return trained

    def evaluate(self) -> Path:
        """Score the held-out documents, write sample texts, and publish the model with its scores."""
        refuse_several("an evaluation")
        return self._evaluate(self.train())

    def _evaluate(self, trained: Path) -> Path:
        prepared = self.prepare()

        def work(folder: Path) -> None:
            from zaoju.pipeline.evaluation_stage import evaluate_model

            scores = evaluate_model(
                trained / "model", prepared, self._readers, self.plan, self.plugins,
                self._emit, self._cancel,
            )  # fmt: skip
            write_text_whole(folder / "scores.json", json.dumps(scores.to_json(), ensure_ascii=False, indent=1))

        stage = self._evaluate_stage
        evaluated = self._stages.run(stage, work)
        if published_key(self.model_folder) != stage.key:
            description = self._description(stage, evaluated)
            with alone_in(self.plan.config.run):
                publish(trained / "model", description, self.model_folder)
        return evaluated

    def account(self) -> Account:
        """The account of the prepared corpus."""
        return read_account(self.prepare())

    def corpus_report(self) -> Path:
        """Write a page about the prepared corpus beside it, for a browser; its path."""
        return write_corpus_report(self.prepare())

    def training_report(self) -> Path:
        """Write a page about the training into the run folder, for a browser; its path. Runs nothing.

        The training may be running, interrupted or finished. Raises `UserError` where it has not begun.
        """
        report = report_training(self.plan.config, self.stages(), self.checkpoints(self._train_stage))
        path = self.plan.config.run / REPORT_PAGE
        write_page(path, training_page(report))
        return path

    def scores(self) -> Scores:
        """The scores of the finished model."""
        return _read_scores(self.evaluate())

    def stages(self) -> list[Stage]:
        """Every stage of this configuration, in order, whether done or not. Runs nothing."""
        return [
            self._prepare_stage,
            self._vocabulary_stage,
            self._encode_stage,
            self._train_stage,
            self._evaluate_stage,
        ]

    @cached_property
    def _reader_components(self) -> tuple[ResolvedComponent, ...]:
        """The readers; those of standard input read a file with what came there."""
        components, run = self.plan.readers, self.plan.config.run
        if not asks_for_standard_input(components):
            return components
        kept = keep_standard_input(run, self._emit, self._cancel) if self._takes_input else kept_input(run)
        return tuple(with_standard_input(component, kept or inputs_folder(run) / "none") for component in components)

    @cached_property
    def _readers(self) -> list[Reader[Options]]:
        return [component.build(Reader) for component in self._reader_components]

    @cached_property
    def _conversations(self) -> bool:
        """Whether the corpus has conversations, of which the answers are learned."""
        return any(reader.gives_conversations() for reader in self._readers)

    @cached_property
    def _prepare_stage(self) -> Stage:
        config = self.plan.config
        near = config.corpus.near_duplicates
        readers = zip(self._reader_components, self._readers, strict=True)
        return self._stages.stage(
            "prepare",
            {
                "readers": [reader_key(component, reader) for component, reader in readers],
                "cleaners": [component_key(component) for component in self.plan.cleaners],
                "duplicates": config.corpus.duplicates,
                "near_duplicates": near and near.model_dump(mode="json"),
                "held_out": config.corpus.held_out,
                "minimum_kept": config.corpus.minimum_kept,
                "unreadable": config.corpus.unreadable,
                "seed": config.seed,
            },
        )

    @cached_property
    def _vocabulary_stage(self) -> Stage:
        init_from = self.plan.config.model.init_from
        if init_from is not None:
            tokenizer = Tokenizer.load(init_from, self.plugins)
            template = {"chat_template": tokenizer.chat_template} if self._conversations else {}
            return self._stages.stage("vocabulary", {"of": tokenizer.fingerprint, **template})
        return self._stages.stage(
            "vocabulary",
            {
                "prepare": self._prepare_stage.key,
                "segmenter": component_key(self.plan.segmenter),
                "vocabulary": component_key(self.plan.vocabulary),
                "live": self.plan.config.tokenization.live,
                **({"conversations": True} if self._conversations else {}),
            },
        )

    @cached_property
    def _encode_stage(self) -> Stage:
        return self._stages.stage(
            "encode", {"prepare": self._prepare_stage.key, "vocabulary": self._vocabulary_stage.key}
        )

    @cached_property
    def _train_stage(self) -> Stage:
        config = self.plan.config
        return self._stages.stage(
            "train",
            {
                "encode": self._encode_stage.key,
                "model": model_key(config.model),
                "trainer": component_key(self.plan.trainer),
                "seed": config.seed,
            },
        )

    @cached_property
    def _evaluate_stage(self) -> Stage:
        config = self.plan.config
        return self._stages.stage(
            "evaluate",
            {
                "train": self._train_stage.key,
                "evaluation": config.evaluation.model_dump(mode="json"),
                "decoding": self.plan.decoding.identity(),
                "seed": config.seed,
            },
        )

    def _forget(self, checkpoints: Path) -> None:
        """Only when a stage is whole on disk are its checkpoints of no more use."""
        if checkpoints.exists():
            with alone_in(self.plan.config.run):
                shutil.rmtree(checkpoints)

    def _description(self, stage: Stage, evaluated: Path) -> dict[str, object]:
        account = self.account()
        return {
            "key": stage.key,
            "config": self.plan.config.model_dump(mode="json"),
            "plugins": [component.identity() for component in self._components()],
            "data": {
                "fingerprint": self._prepare_stage.key,
                "documents": account.kept.documents,
                "characters": account.kept.characters,
                "held_out": texts_identity(self.prepare() / "held_out.jsonl"),
            },
            "training": {"seconds": training_seconds(self.train() / TRAINING_LOG)},
            "scores": json.loads((evaluated / "scores.json").read_text("utf-8")),
        }

    def _components(self) -> list[ResolvedComponent]:
        plan = self.plan
        return [
            *plan.readers,
            *plan.cleaners,
            plan.segmenter,
            plan.vocabulary,
            plan.trainer,
            *plan.decoding.parts,
        ]


def _silent(event: object) -> None:
    """Of several processes the main one speaks."""


def _paths(values: str) -> list[Path]:
    """What the main process has told the others."""
    return [Path(value) for value in json.loads(values)]


def _read_scores(evaluated: Path) -> Scores:
    return Scores.from_json(json.loads((evaluated / "scores.json").read_text("utf-8")))
