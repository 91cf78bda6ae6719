"""The one guarantee: given equal logits, a request gives equal tokens alone, in any batch, in any order, streamed."""

from __future__ import annotations

import random
import threading

import pytest

from zaoju.generation import Engine, Generation, Request
from zaoju.plugins import PluginManager
from zaoju.testing import HashRunner
from zaoju.tokenization import Tokenizer


def mixed_requests(count: int, seed: int = 0) -> list[Request]:
    """Prompts, strategies, numbers, seeds, stops and lengths all mixed."""
    draw = random.Random(seed)
    prompts = ["我想", "你", "", "他在家里", "龘龘", "我们说再见"]
    ways: list[dict[str, object]] = [
        {"strategy": "greedy"},
        {"strategy": "greedy", "options": {"repetition_penalty": 1.4}},
        {"strategy": "top_k", "options": {"top_k": 5, "temperature": 1.5}},
        {"strategy": "top_k", "options": {"top_k": 0}},
        {"strategy": "nucleus", "options": {"top_p": 0.7}},
        {"strategy": "nucleus", "options": {"temperature": 0.0}},
        {"strategy": "temperature", "options": {"temperature": 2.0}},
        {"chain": ["top_k", "top_p"], "selector": "sample", "options": {"top_k": 9}},
    ]
    return [
        Request(
            draw.choice(prompts),
            seed=draw.randrange(1000),
            max_new_tokens=draw.randint(1, 30),
            stop=draw.choice([(), ("我",), ("天", "心")]),
            **draw.choice(ways),  # type: ignore[arg-type]  # keyword arguments of several types
        )
        for _ in range(count)
    ]


def streamed(engine: Engine, request: Request) -> Generation:
    chunks = list(engine.stream_request(request))
    last = chunks[-1].generation
    assert last is not None and all(chunk.generation is None for chunk in chunks[:-1])
    assert "".join(chunk.text for chunk in chunks) == last.text
    return last


@pytest.fixture
def alone(hash_engine: Engine) -> list[Generation]:
    return [hash_engine.generate_batch([request])[0] for request in mixed_requests(60)]


@pytest.mark.parametrize("batch_size", [2, 7, 32, 60])
def test_in_any_batch(hash_engine: Engine, alone: list[Generation], batch_size: int) -> None:
    assert hash_engine.generate_batch(mixed_requests(60), batch_size=batch_size) == alone
    assert isinstance(hash_engine.runner, HashRunner)
    assert hash_engine.runner.largest_batch <= batch_size and hash_engine.runner.rows == {}


def test_in_any_order(hash_engine: Engine, alone: list[Generation]) -> None:
    order = list(range(60))
    random.Random(4).shuffle(order)
    requests = mixed_requests(60)
    shuffled = hash_engine.generate_batch([requests[number] for number in order])
    assert shuffled == [alone[number] for number in order]


def test_streamed(hash_engine: Engine, alone: list[Generation]) -> None:
    assert [streamed(hash_engine, request) for request in mixed_requests(60)] == alone


def test_from_several_threads(hash_engine: Engine, alone: list[Generation]) -> None:
    """Batches and streams share one runner."""
    requests = mixed_requests(60)
    results: dict[int, Generation] = {}

    def batch(numbers: range) -> None:
        written = hash_engine.generate_batch([requests[number] for number in numbers], batch_size=4)
        results.update(zip(numbers, written, strict=True))

    def stream(numbers: range) -> None:
        results.update({number: streamed(hash_engine, requests[number]) for number in numbers})

    threads = [
        threading.Thread(target=work, args=(range(start, 60, 4),))
        for start, work in enumerate([batch, stream, batch, stream])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [results[number] for number in range(60)] == alone
    assert isinstance(hash_engine.runner, HashRunner) and hash_engine.runner.rows == {}


def test_long_texts_that_join_late(tokenizer: Tokenizer, plugins: PluginManager) -> None:
    """The history grows in length and in slots while texts run, and takes in new ones afterwards."""
    engine = Engine(HashRunner(tokenizer.vocabulary_size, 300, spread=0.1), tokenizer, plugins)
    requests = [
        Request("我想" * number, seed=number, max_new_tokens=100 + number, options={"repetition_penalty": 1.5})
        for number in range(12)
    ]
    together = engine.generate_batch(requests, batch_size=5)
    assert together == [engine.generate_batch([request])[0] for request in requests]
    assert max(one.generated_tokens for one in together) > 100


def test_the_requests_are_not_all_alike(alone: list[Generation]) -> None:
    """The negative control: what the tests above compare is varied, and most of it depends on the seed."""
    assert {one.finish_reason for one in alone} >= {"length", "stop"}
    assert len({one.text for one in alone}) > 45


def test_leaving_a_stream_frees_its_row(hash_engine: Engine) -> None:
    assert isinstance(hash_engine.runner, HashRunner)
    chunks = hash_engine.stream("我想", strategy="top_k", top_k=9, seed=1, max_new_tokens=30)
    assert hash_engine.runner.rows == {}
    next(chunks)
    assert len(hash_engine.runner.rows) == 1
    chunks.close()
    assert hash_engine.runner.rows == {}


def test_a_stream_can_be_cancelled(hash_engine: Engine) -> None:
    cancel = threading.Event()
    got = []
    for chunk in hash_engine.stream("我想", seed=1, max_new_tokens=30, cancel=cancel):
        got.append(chunk)
        cancel.set()
    last = got[-1].generation
    assert last is not None and last.finish_reason == "cancelled" and last.generated_tokens < 30
    assert "".join(chunk.text for chunk in got) == last.text


def test_the_whole_text_with_a_real_model(engine: Engine) -> None:
    """In float32 on a CPU rounding may differ with the batch's shape; fixed shapes give equal texts."""
    requests = [Request("我想", seed=seed, max_new_tokens=25, options={"temperature": 1.5}) for seed in range(16)]
    together = engine.generate_batch(requests)
    assert engine.generate_batch(requests) == together
    alone = [engine.generate_batch([request])[0] for request in requests]
    share = sum(one == other for one, other in zip(alone, together, strict=True)) / len(requests)
    print(f"texts equal alone and in a batch: {share:.2f}")
    assert share >= 0.75
