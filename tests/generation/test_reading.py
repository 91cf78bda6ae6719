"""Long prompts are read in pieces: running texts never wait for more than one of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from itertools import pairwise

import pytest
import torch

from zaoju import Engine, Request, UserError
from zaoju.generation.one_at_a_time import OneAtATime
from zaoju.plugins import PluginManager
from zaoju.testing import HashRunner
from zaoju.tokenization import Tokenizer

LONG = "春天来了，花儿开了，小鸟在树上唱歌。" * 12


class WatchedRunner(HashRunner):
    """Notes what each pass did, and has room for only so many rows."""

    tokens_per_pass = 32

    def __init__(self, vocabulary_size: int, context_length: int, *, room: int | None = None) -> None:
        super().__init__(vocabulary_size, context_length)
        self.calls: list[tuple[str, int, int]] = []
        """The kind of each pass, its rows, and the longest piece that it read."""
        self.room = room

    def most_rows(self, length: int) -> int | None:
        return None if self.room is None else self.room // length

    def row_bytes(self, length: int) -> int | None:
        return length << 20

    def prefill(self, prompts: Sequence[Sequence[int]], *, keep_hidden: bool = False) -> tuple[list[int], torch.Tensor]:
        self.calls.append(("prefill", len(prompts), max(map(len, prompts))))
        return super().prefill(prompts, keep_hidden=keep_hidden)

    def append(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> torch.Tensor:
        self.calls.append(("append", len(rows), max(map(len, tokens))))
        return super().append(rows, tokens)

    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> torch.Tensor:
        self.calls.append(("step", len(rows), 1))
        return super().step(rows, tokens)


class WholePromptRunner(WatchedRunner):
    """The same without the ability to append."""

    abilities = frozenset()


def made(
    kind: type[WatchedRunner], tokenizer: Tokenizer, plugins: PluginManager, room: int | None = None
) -> tuple[Engine, WatchedRunner]:
    runner = kind(tokenizer.vocabulary_size, 1024, room=room)
    return Engine(runner, tokenizer, plugins), runner


def mixed() -> list[Request]:
    short = [Request("春天", strategy="nucleus", seed=seed, max_new_tokens=40) for seed in range(3)]
    long = Request(LONG, strategy="nucleus", seed=7, max_new_tokens=5)
    beams = Request(LONG[:40], strategy="beam", seed=8, max_new_tokens=6)
    return [*short, long, beams, *short]


def test_no_pass_reads_more_than_its_share_and_steps_stand_between(
    tokenizer: Tokenizer, plugins: PluginManager
) -> None:
    engine, runner = made(WatchedRunner, tokenizer, plugins)
    engine.generate_batch(mixed())
    reading = [call for call in runner.calls if call[0] != "step"]
    assert max(rows * longest for _, rows, longest in reading) <= 32
    assert len(reading) > 5
    kinds = [kind for kind, _, _ in runner.calls]
    pairs = list(pairwise(kinds))
    first = kinds.index("step")
    assert all("step" in pair for pair in pairs[first:]), "two pieces were read without a step of the others between"


def test_texts_are_those_of_a_runner_that_reads_prompts_whole(tokenizer: Tokenizer, plugins: PluginManager) -> None:
    pieces, _ = made(WatchedRunner, tokenizer, plugins)
    whole, runner = made(WholePromptRunner, tokenizer, plugins)
    assert pieces.generate_batch(mixed()) == whole.generate_batch(mixed())
    assert [kind for kind, _, _ in runner.calls].count("prefill") == 1


def test_a_prompt_that_is_left_halfway_frees_its_row(tokenizer: Tokenizer, plugins: PluginManager) -> None:
    engine, runner = made(WatchedRunner, tokenizer, plugins)
    cancel = threading.Event()

    def on_event(event: object) -> None:
        if len(runner.calls) == 3:
            cancel.set()

    [text] = engine.generate_batch([Request(LONG, max_new_tokens=5)], cancel=cancel, on_event=on_event)
    assert (text.finish_reason, text.text, text.token_ids) == ("cancelled", "", ())
    assert [kind for kind, _, _ in runner.calls] == ["prefill", "append", "append"]
    assert runner.rows == {}
    stream = engine.stream(LONG, max_new_tokens=5)
    next(stream)
    stream.close()
    assert runner.rows == {}


def test_a_thread_that_comes_back_at_once_stands_behind_one_that_waits() -> None:
    """A lock alone would often let it in again: it is already there when the other is still waking up."""
    turn = OneAtATime(lambda numbers: None)
    for _ in range(200):
        order: list[str] = []

        def wait(order: list[str] = order) -> None:
            with turn.alone():
                order.append("the one that waited")

        waiting = threading.Thread(target=wait)
        with turn.alone():
            waiting.start()
            while not turn._door.locked():
                time.sleep(0.0001)
        with turn.alone():
            order.append("the one that came back")
        waiting.join()
        assert order == ["the one that waited", "the one that came back"]


class TestMemory:
    def test_no_more_texts_run_than_there_is_memory_for(self, tokenizer: Tokenizer, plugins: PluginManager) -> None:
        engine, runner = made(WatchedRunner, tokenizer, plugins, room=3 * 45)
        requests = [Request("春天", seed=seed, max_new_tokens=40, strategy="sample") for seed in range(20)]
        free, unbounded = made(WatchedRunner, tokenizer, plugins)
        assert engine.generate_batch(requests) == free.generate_batch(requests)
        assert runner.largest_batch <= 3 < unbounded.largest_batch

    def test_a_text_that_can_never_fit_is_refused_with_advice(
        self, tokenizer: Tokenizer, plugins: PluginManager
    ) -> None:
        engine, runner = made(WatchedRunner, tokenizer, plugins, room=100)
        with pytest.raises(UserError, match=r"may grow to \d+ tokens, .* 1 rows, .* MiB each, .* memory for 0 of that"):
            engine.generate("春天", max_new_tokens=500)
        with pytest.raises(UserError, match="or a narrower search"):
            engine.generate("春天", strategy="beam", beams=5, max_new_tokens=40)
        assert engine.generate("春天", max_new_tokens=40, seed=1).generated_tokens and runner.rows == {}
