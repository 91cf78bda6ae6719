"""Given equal logits, a request gives equal tokens: alone, in a batch, permuted, streamed, with drafts on and off, with
others joining and leaving; every strategy, search, proposer and constraint."""

from __future__ import annotations

import random
import threading

import pytest
from every_way import PLAIN, SEARCHES, alone, mixed_requests, streamed, with_drafts, without_mention_of_drafts

from zaoju import Engine, Generation, Request
from zaoju.testing import HashRunner, decoding_engine

COUNT = 120


@pytest.fixture(scope="module")
def engine() -> Engine:
    return decoding_engine(context_length=40, memory=2)


@pytest.fixture(scope="module")
def circling() -> Engine:
    """Texts that run in circles, so that drafts are often right."""
    return decoding_engine(context_length=90, memory=1, spread=4.0)


@pytest.fixture(scope="module")
def one_by_one(engine: Engine) -> list[Generation]:
    return [alone(engine, request) for request in mixed_requests(COUNT)]


def assert_clean(engine: Engine) -> None:
    assert isinstance(engine.runner, HashRunner) and engine.runner.rows == {}


def test_the_requests_are_not_all_alike(one_by_one: list[Generation]) -> None:
    """The negative control: what the tests compare is varied."""
    assert {one.finish_reason for one in one_by_one} >= {"length", "stop", "end_of_text"}
    assert len({one.strategy for one in one_by_one}) > 20
    assert len({one.text for one in one_by_one}) > COUNT * 0.6
    assert any(one.others for one in one_by_one) and any(one.tokens for one in one_by_one)


@pytest.mark.parametrize("batch_size", [1, 7, 32, 2 * COUNT])
def test_in_any_batch(engine: Engine, one_by_one: list[Generation], batch_size: int) -> None:
    """At sizes below the number of requests, texts join and leave while others run."""
    assert engine.generate_batch(mixed_requests(COUNT), batch_size=batch_size) == one_by_one
    assert_clean(engine)


def test_in_any_order(engine: Engine, one_by_one: list[Generation]) -> None:
    order = list(range(COUNT))
    random.Random(4).shuffle(order)
    requests = mixed_requests(COUNT)
    shuffled = engine.generate_batch([requests[number] for number in order])
    assert shuffled == [one_by_one[number] for number in order]


def test_streamed(engine: Engine, one_by_one: list[Generation]) -> None:
    assert [streamed(engine, request) for request in mixed_requests(COUNT)] == one_by_one
    assert_clean(engine)


def test_from_several_threads(engine: Engine, one_by_one: list[Generation]) -> None:
    requests = mixed_requests(COUNT)
    results: dict[int, Generation] = {}

    def batch(numbers: range) -> None:
        written = engine.generate_batch([requests[number] for number in numbers], batch_size=6)
        results.update(zip(numbers, written, strict=True))

    def stream(numbers: range) -> None:
        results.update({number: streamed(engine, requests[number]) for number in numbers})

    works = [batch, stream, batch, stream]
    threads = [threading.Thread(target=work, args=(range(start, COUNT, 4),)) for start, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [results[number] for number in range(COUNT)] == one_by_one
    assert_clean(engine)


@pytest.mark.parametrize("batch_size", [1, 32])
def test_with_drafts_on_and_off(circling: Engine, batch_size: int) -> None:
    """At every batch size, with stops, ends, constraints and state in the middle of a draft; some drafts are right."""
    requests = mixed_requests(2 * COUNT, seed=2, ways=PLAIN, longest=70)
    plain = circling.generate_batch(requests, batch_size=batch_size)
    drafted = circling.generate_batch([with_drafts(request) for request in requests], batch_size=batch_size)
    assert [without_mention_of_drafts(one) for one in drafted] == plain
    kept, proposed = sum(one.kept_drafts for one in drafted), sum(one.drafted_tokens for one in drafted)
    assert kept > 100 and proposed > kept
    for reason in ("end_of_text", "stop", "length"):
        assert any(one.kept_drafts and one.finish_reason == reason for one in drafted)
    assert_clean(circling)


def test_drafts_among_texts_without(engine: Engine, one_by_one: list[Generation]) -> None:
    """Neighbours with drafts, and searches beside them, change nothing."""
    requests = mixed_requests(COUNT)
    mixed = [
        with_drafts(request) if number % 2 and request.search is None and _plain(request.strategy) else request
        for number, request in enumerate(requests)
    ]
    assert sum(one.proposer is not None for one in mixed) > 30
    written = engine.generate_batch(mixed, batch_size=32)
    assert [without_mention_of_drafts(one) for one in written] == one_by_one


def test_long_texts_that_join_late() -> None:
    """The history grows in length and in slots while texts run, and takes in new ones afterwards."""
    engine = decoding_engine(context_length=300, spread=0.1)
    requests = [
        Request("我想" * number, seed=number, max_new_tokens=100 + number, options={"repetition_penalty": 1.5})
        for number in range(12)
    ]
    together = engine.generate_batch(requests, batch_size=5)
    assert together == [alone(engine, request) for request in requests]
    assert max(one.generated_tokens for one in together) > 100


def test_drafts_save_passes() -> None:
    """The point of it: fewer passes of the model for the same text."""
    engine = decoding_engine(context_length=200, memory=1, spread=4.0)
    assert isinstance(engine.runner, HashRunner)
    passes = []
    for proposer in (None, {"name": "prompt_lookup", "min_ngram": 1}):
        before = engine.runner.passes
        text = engine.generate("我想", strategy="greedy", max_new_tokens=150, proposer=proposer)
        passes.append(engine.runner.passes - before)
    assert text.kept_drafts > 90
    assert passes[1] < passes[0] / 2


def test_cancelled_at_any_step(engine: Engine) -> None:
    """What was written until then is the beginning of the text, and nothing stays behind."""
    for number, request in enumerate(mixed_requests(60, seed=5)):
        whole = alone(engine, request)
        cancel = threading.Event()
        chunks = []
        for chunk in engine.stream_request(request, cancel=cancel):
            chunks.append(chunk)
            if len(chunks) > number % 5:
                cancel.set()
        last = chunks[-1].generation
        assert last is not None and "".join(chunk.text for chunk in chunks) == last.text
        if not last.others and last.score is None:
            assert whole.token_ids[: len(last.token_ids)] == last.token_ids
        assert last.finish_reason == "cancelled" or last == whole
    assert_clean(engine)


def test_a_stream_that_is_left_frees_its_rows(engine: Engine) -> None:
    """It takes none before it begins, and gives back all of them in the middle."""
    assert isinstance(engine.runner, HashRunner)
    held = 0
    for request in mixed_requests(40, seed=6):
        chunks = engine.stream_request(request)
        assert engine.runner.rows == {}
        next(chunks)
        held += len(engine.runner.rows)
        chunks.close()
        assert engine.runner.rows == {}
    assert held > 30


def _plain(strategy: str | None) -> bool:
    return strategy not in {way.get("strategy") for way in SEARCHES}
