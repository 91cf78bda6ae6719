"""The evaluation stage: bits per character, the distance from a known source, texts of every strategy."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from zaoju.config import Plan, resolve_decoding
from zaoju.contracts import EventSink, KnownSource, Options, Reader
from zaoju.corpus import read_documents
from zaoju.evaluation import Score, SourceComparison, bits_per_character, compare_with_source
from zaoju.generation import Engine, Generation, Request
from zaoju.models import choose_device
from zaoju.pipeline.texts import write_texts
from zaoju.plugins import PluginManager


@dataclass(frozen=True, slots=True)
class Sample:
    """One continued prompt."""

    strategy: str
    prompt: str
    text: str
    finish_reason: str


@dataclass(frozen=True, slots=True)
class Scores:
    """What is known of a finished model."""

    held_out: Score
    source: SourceComparison | None
    """None where the corpus is no source of known probability."""

    samples: tuple[Sample, ...]

    def to_json(self) -> dict[str, object]:
        """Plain data for `scores.json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Scores:
        """The scores that `to_json` wrote."""
        held_out, source, samples = data["held_out"], data["source"], data["samples"]
        assert isinstance(held_out, dict) and isinstance(samples, list)
        return cls(
            held_out=Score(**held_out),
            source=SourceComparison(**source) if isinstance(source, dict) else None,
            samples=tuple(Sample(**sample) for sample in samples),
        )


def evaluate_model(
    model: Path,
    held_out: Path,
    readers: Sequence[Reader[Options]],
    plan: Plan,
    plugins: PluginManager,
    emit: EventSink,
    cancel: threading.Event,
) -> Scores:
    """Score the model in `model` on the documents of `held_out` and let it write."""
    engine = Engine.load(model, device=choose_device(plan.config.device), plugins=plugins, runner=plan.runner)

    def texts() -> Iterator[str]:
        return (document.text for document in read_documents(held_out))

    score = bits_per_character(engine.runner, engine.tokenizer, texts(), emit=emit, cancel=cancel)
    source = None
    if len(readers) == 1 and isinstance(readers[0], KnownSource) and plan.config.evaluation.samples:
        written = _unprompted(engine, plan, emit, cancel)
        source = compare_with_source(readers[0], texts(), score, [generation.text for generation in written])
    return Scores(score, source, tuple(_samples(engine, plan, plugins, emit, cancel)))


def _unprompted(engine: Engine, plan: Plan, emit: EventSink, cancel: threading.Event) -> list[Generation]:
    """Whole texts from nothing, by the configured decoding."""
    evaluation = plan.config.evaluation
    requests = [
        Request.from_plan("", plan.decoding, seed=seed, max_new_tokens=evaluation.max_new_tokens)
        for seed in range(evaluation.samples)
    ]
    return write_texts(engine, requests, emit, cancel)


def _samples(
    engine: Engine, plan: Plan, plugins: PluginManager, emit: EventSink, cancel: threading.Event
) -> Iterator[Sample]:
    evaluation = plan.config.evaluation
    for strategy in evaluation.strategies:
        decoding = plan.decoding
        if strategy != decoding.strategy:
            decoding = resolve_decoding(plugins, {"strategy": strategy})
        requests = [
            Request.from_plan(prompt, decoding, seed=plan.config.seed, max_new_tokens=evaluation.max_new_tokens)
            for prompt in evaluation.prompts
        ]
        for generation in write_texts(engine, requests, emit, cancel):
            yield Sample(strategy, generation.prompt, generation.text, generation.finish_reason)
