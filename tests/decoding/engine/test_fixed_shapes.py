"""Whole texts from real models: equal bit for bit with fixed shapes, and how often they differ without."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from every_way import PLAIN, SEARCHES, alone, mixed_requests, streamed, with_drafts, without_mention_of_drafts
from small_decoders import gpt2_runner, llama_runner

from zaoju import Engine, Generation
from zaoju.contracts import Runner
from zaoju.generation import FixedShapes
from zaoju.testing import decoding_engine

COUNT = 48


@pytest.fixture(scope="module", params=[gpt2_runner, llama_runner], ids=["lean GPT-2", "Llama through transformers"])
def make(request: pytest.FixtureRequest) -> Callable[[], Runner]:
    maker: Callable[[], Runner] = request.param
    return maker


def engine_over(runner: Runner) -> Engine:
    source = decoding_engine()
    return Engine(runner, source.tokenizer, source.plugins)


def test_with_fixed_shapes_whole_texts_are_equal(make: Callable[[], Runner]) -> None:
    """Alone, in batches, streamed, and with drafts; in float32, with log-probabilities to the last bit."""
    requests = mixed_requests(COUNT, seed=11, ways=PLAIN + SEARCHES)
    engine = engine_over(FixedShapes(make()))
    one_by_one = [alone(engine, request) for request in requests]
    assert engine.generate_batch(requests, batch_size=32) == one_by_one
    assert engine.generate_batch(requests[::-1], batch_size=5) == one_by_one[::-1]
    assert [streamed(engine, request) for request in requests] == one_by_one
    plain = mixed_requests(COUNT, seed=12, ways=PLAIN)
    drafted = engine.generate_batch([with_drafts(request) for request in plain], batch_size=32)
    assert [without_mention_of_drafts(one) for one in drafted] == [alone(engine, request) for request in plain]


def test_without_them_most_texts_are_equal_too(make: Callable[[], Runner], capsys: pytest.CaptureFixture[str]) -> None:
    """The limit of any engine: the shape of a batch changes the rounding. The share is printed, not hidden."""
    requests = mixed_requests(COUNT, seed=11, ways=PLAIN)
    engine = engine_over(make())
    one_by_one = [alone(engine, request) for request in requests]
    together = engine.generate_batch([with_drafts(request) for request in requests], batch_size=32)
    differing = sum(_differ(one, other) for one, other in zip(one_by_one, together, strict=True))
    with capsys.disabled():
        print(f"\n{differing} of {COUNT} texts differ between alone and in a batch with drafts ({torch.__version__})")
    assert differing <= COUNT / 4


def _differ(one: Generation, other: Generation) -> bool:
    return one.token_ids != other.token_ids
