"""The evaluation stage: bits per character, the distance from a known source, texts of every strategy."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from zaoju.config import Plan, resolve_decoding
from zaoju.contracts import EventSink, KnownSource, Options, Reader
from zaoju.corpus import read_documents
from zaoju.evaluation import bits_per_character, compare_with_source, count_copied
from zaoju.generation import Engine, Generation, Request
from zaoju.models import choose_device
from zaoju.pipeline.scores import Sample, Scores
from zaoju.pipeline.texts import write_texts
from zaoju.plugins import PluginManager


def evaluate_model(
    model: Path,
    prepared: Path,
    readers: Sequence[Reader[Options]],
    plan: Plan,
    plugins: PluginManager,
    emit: EventSink,
    cancel: threading.Event,
) -> Scores:
    """Score the model in `model` on the held-out documents in the folder `prepared`, and let it write.

    Of conversations the answers alone are scored, and the prompts of the samples are questions.
    """
    engine = Engine.load(model, device=choose_device(plan.config.device), plugins=plugins, runner=plan.runner)

    held_out = prepared / "held_out.jsonl"
    documents = read_documents(held_out)
    score = bits_per_character(engine.runner, engine.tokenizer, documents, emit=emit, cancel=cancel)
    source, written = None, list[Generation]()
    if len(readers) == 1 and isinstance(readers[0], KnownSource) and plan.config.evaluation.samples:
        written = _unprompted(engine, plan, emit, cancel)
        texts = (document.text for document in read_documents(held_out))
        source = compare_with_source(readers[0], texts, score, [generation.text for generation in written])
    chat = any(reader.gives_conversations() for reader in readers)
    samples = tuple(_samples(engine, plan, plugins, emit, cancel, chat=chat))
    trained_on = (document.text for document in read_documents(prepared / "train.jsonl"))
    copied = count_copied([*(one.text for one in written), *(one.text for one in samples)], trained_on)
    return Scores(score, source, samples, copied)


def _unprompted(engine: Engine, plan: Plan, emit: EventSink, cancel: threading.Event) -> list[Generation]:
    """Whole texts from nothing, by the configured decoding."""
    evaluation = plan.config.evaluation
    requests = [
        Request.from_plan("", plan.decoding, seed=seed, max_new_tokens=evaluation.max_new_tokens)
        for seed in range(evaluation.samples)
    ]
    return write_texts(engine, requests, emit, cancel)


def _samples(
    engine: Engine, plan: Plan, plugins: PluginManager, emit: EventSink, cancel: threading.Event, *, chat: bool
) -> Iterator[Sample]:
    evaluation = plan.config.evaluation
    for strategy in evaluation.strategies:
        decoding = plan.decoding
        if strategy != decoding.strategy:
            decoding = resolve_decoding(plugins, {"strategy": strategy})
        requests = [
            Request.from_plan(
                prompt, decoding, seed=plan.config.seed, max_new_tokens=evaluation.max_new_tokens, chat=chat
            )
            for prompt in evaluation.prompts
        ]
        for generation in write_texts(engine, requests, emit, cancel):
            yield Sample(strategy, generation.prompt, generation.text, generation.finish_reason)
