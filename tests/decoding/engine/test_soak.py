"""Thousands of random requests that join, leave, stop, overflow and are cancelled: no crash, no leak, no text lost."""

from __future__ import annotations

import random
import threading
from dataclasses import replace

import pytest
from every_way import PLAIN, SEARCHES, mixed_requests, with_drafts

from zaoju import Engine, Generation, Request
from zaoju.contracts import EventSink
from zaoju.testing import HashRunner, decoding_engine

BURST = 250


def soak(bursts: int) -> list[Generation]:
    """Bursts of requests, some of which are cancelled in the middle, while streams come and go in another thread."""
    engine = decoding_engine(context_length=18, memory=1, spread=4.0)
    assert isinstance(engine.runner, HashRunner)
    written: list[Generation] = []
    stop, failures = threading.Event(), []

    def stream() -> None:
        try:
            for request in _requests(10_000, seed=99):
                chunks = engine.stream_request(request)
                for _ in zip(range(random.Random(request.seed).randint(0, 9)), chunks, strict=False):
                    pass
                chunks.close()
                if stop.is_set():
                    return
        except BaseException as error:
            failures.append(error)
            raise

    thread = threading.Thread(target=stream)
    thread.start()
    try:
        for burst in range(bursts):
            written += _burst(engine, burst)
    finally:
        stop.set()
        thread.join()
    assert failures == []
    assert engine.runner.rows == {}, "rows are left in the runner"
    return written


def _burst(engine: Engine, number: int) -> list[Generation]:
    draw = random.Random(number)
    requests = _requests(BURST, seed=number)
    cancel, patience = threading.Event(), draw.choice([None, None, draw.randint(1, 120)])

    def on_event(event: object) -> None:
        nonlocal patience
        if patience is not None:
            patience -= 1
            if patience == 0:
                cancel.set()

    sink: EventSink = on_event
    texts = engine.generate_batch(requests, batch_size=draw.choice([3, 32, 64]), cancel=cancel, on_event=sink)
    assert len(texts) == len(requests)
    for request, text in zip(requests, texts, strict=True):
        assert text.prompt == request.prompt and text.generated_tokens == len(text.token_ids)
        decoded = engine.tokenizer.decode(text.token_ids)
        assert text.text == (decoded if text.stop is None else decoded[: decoded.index(text.stop)])
        assert text.generated_tokens <= request.max_new_tokens
        if patience is None:
            assert text.finish_reason != "cancelled"
    return texts


def _requests(count: int, seed: int) -> list[Request]:
    draw = random.Random(seed)
    requests = mixed_requests(count, seed=seed, ways=PLAIN + SEARCHES, longest=12)
    names = {way.get("strategy") for way in SEARCHES} | {None}
    return [
        replace(with_drafts(request), seed=None if draw.random() < 0.1 else request.seed)
        if draw.random() < 0.4 and request.strategy not in names
        else request
        for request in requests
    ]


def test_a_thousand_requests() -> None:
    texts = soak(4)
    assert {text.finish_reason for text in texts} >= {"end_of_text", "stop", "length", "context"}
    assert sum(text.kept_drafts for text in texts) > 5


@pytest.mark.slow
def test_ten_thousand_requests() -> None:
    texts = soak(40)
    assert len(texts) == 10_000
    assert {text.finish_reason for text in texts} == {"end_of_text", "stop", "length", "context", "cancelled"}
