"""The engine: what comes back, what ends a text, what is refused."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from support.small_models import small_gpt2
from zaoju import ArtefactError, PluginError, UserError
from zaoju.contracts import Event, Progress
from zaoju.generation import Engine, LeanRunner, Request
from zaoju.plugins import PluginManager
from zaoju.testing import HashRunner
from zaoju.tokenization import Tokenizer


def forced(engine: Engine, monkeypatch: pytest.MonkeyPatch, *tokens: int) -> None:
    """Make the runner of `engine` force these tokens, one after the other."""
    runner = engine.runner
    assert isinstance(runner, HashRunner)

    def logits(read: Sequence[int]) -> torch.Tensor:
        given = torch.full((runner.vocabulary_size,), -5.0)
        given[tokens[len(read) - start]] = 5.0
        return given

    start = len(engine.tokenizer.beginning) + len(engine.tokenizer.encode("我想"))
    monkeypatch.setattr(runner, "_row", logits)


def test_a_generation_tells_all_that_is_needed_to_have_it_again(engine: Engine) -> None:
    one = engine.generate("我想", strategy="nucleus", top_p=0.8, temperature=0.9, max_new_tokens=12)
    assert one.parameters == {
        "repetition_penalty": 1.0,
        "repetition_window": 0,
        "temperature": 0.9,
        "top_p": 0.8,
        "token_healing": True,
        "max_new_tokens": 12,
        "stop": [],
    }
    assert (one.strategy, one.chain, one.selector) == (
        "nucleus",
        ("repetition_penalty", "temperature", "top_p"),
        "sample",
    )
    assert one.prompt_tokens == 2 and 0 < one.generated_tokens <= 12
    again = engine.generate("我想", seed=one.seed, top_p=0.8, temperature=0.9, max_new_tokens=12)
    assert again == one
    assert json.loads(json.dumps(one.to_json()))["text"] == one.text


def test_seeds_matter_and_greedy_has_none(engine: Engine) -> None:
    texts = {engine.generate("我想", seed=seed, max_new_tokens=12, temperature=2.0).text for seed in range(8)}
    assert len(texts) == 8
    assert len({engine.generate("我想", seed=seed, strategy="greedy").text for seed in range(4)}) == 1


def test_greedy_takes_the_most_probable_token_at_every_step(engine: Engine, tokenizer: Tokenizer) -> None:
    assert isinstance(engine.runner, LeanRunner)
    ids = [*tokenizer.beginning, *tokenizer.encode("我想")]
    for _ in range(20):
        logits = engine.runner.model(torch.tensor([ids]))[0, -1, : tokenizer.vocabulary_size]
        ids.append(int(logits.argmax()))
        if ids[-1] == tokenizer.end_of_text:
            break
    expected = tokenizer.decode(ids[len(tokenizer.beginning) + 1 :])
    got = engine.generate("我想", strategy="greedy", max_new_tokens=20)
    assert got.text == expected


def test_a_zero_temperature_is_greedy(engine: Engine) -> None:
    cold = engine.generate("我想", temperature=0.0, seed=3, max_new_tokens=20)
    assert cold.text == engine.generate("我想", strategy="greedy", max_new_tokens=20).text


class TestWhatEndsAText:
    def test_end_of_text(self, hash_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        token = hash_engine.tokenizer.encode("你")[0]
        forced(hash_engine, monkeypatch, token, hash_engine.tokenizer.end_of_text)
        one = hash_engine.generate("我想", strategy="greedy")
        assert (one.text, one.finish_reason, one.generated_tokens) == ("你", "end_of_text", 2)

    def test_length(self, hash_engine: Engine) -> None:
        assert hash_engine.generate("我想", strategy="greedy", max_new_tokens=3).generated_tokens == 3

    @pytest.mark.parametrize("length", [39, 38, 5])
    def test_context(self, hash_engine: Engine, length: int) -> None:
        """The last token is chosen after a full context, and never fed."""
        prompt = "你" * length
        one = hash_engine.generate(prompt, seed=1, max_new_tokens=1000)
        assert one.finish_reason == "context" and one.prompt_tokens + one.generated_tokens == 40 + 1

    def test_stop_across_tokens_is_cut_and_named(self, hash_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        encode = hash_engine.tokenizer.encode
        forced(hash_engine, monkeypatch, *encode("你"), *encode("天"), *encode("心"), *encode("。") * 30)
        one = hash_engine.generate("我想", strategy="greedy", stop=["天心", "。"])
        assert (one.text, one.finish_reason, one.stop) == ("你", "stop", "天心")

    def test_a_stop_string_does_not_see_the_prompt(self, hash_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        encode = hash_engine.tokenizer.encode
        forced(hash_engine, monkeypatch, *encode("你"), *encode("天"))
        one = hash_engine.generate("我想", strategy="greedy", stop=["想你", "我想"], max_new_tokens=2)
        assert (one.text, one.finish_reason, one.stop) == ("你天", "length", None)

    def test_a_character_cut_off_by_the_length(self, hash_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        one, two, _ = hash_engine.tokenizer.encode("龘")
        forced(hash_engine, monkeypatch, one, two)
        got = hash_engine.generate("我想", strategy="greedy", max_new_tokens=2)
        assert got.text == hash_engine.tokenizer.decode([one, two]) == "�"

    def test_cancelled(self, hash_engine: Engine) -> None:
        cancel = threading.Event()
        done: list[Event] = []

        def stop_soon(event: Event) -> None:
            done.append(event)
            if len(done) == 3:
                cancel.set()

        requests = [Request("我想", seed=seed, max_new_tokens=30) for seed in range(6)]
        results = hash_engine.generate_batch(requests, batch_size=3, cancel=cancel, on_event=stop_soon)
        whole = hash_engine.generate_batch(requests, batch_size=3)
        assert [result.finish_reason for result in results] == ["cancelled"] * 6
        assert all(full.text.startswith(cut.text) for cut, full in zip(results, whole, strict=True))
        assert results[0].text and not results[5].text


def test_progress_counts_texts(hash_engine: Engine) -> None:
    events: list[Event] = []
    requests = [Request("我想", seed=seed, max_new_tokens=seed + 1) for seed in range(5)]
    hash_engine.generate_batch(requests, batch_size=2, on_event=events.append)
    assert all(isinstance(event, Progress) and event.total == 5 for event in events)
    assert isinstance(events[-1], Progress) and events[-1].done == 5


class TestWhatIsRefused:
    def test_a_prompt_longer_than_the_context(self, hash_engine: Engine) -> None:
        with pytest.raises(UserError, match=r"has 51 tokens .* at 40 at most"):
            hash_engine.generate("你" * 50)

    def test_an_option_that_nothing_uses(self, engine: Engine) -> None:
        with pytest.raises(UserError, match="top_p"):
            engine.generate("我想", strategy="greedy", top_p=0.9)

    def test_an_unknown_strategy(self, engine: Engine) -> None:
        with pytest.raises(UserError, match="nucleus"):
            engine.generate("我想", strategy="nukleus")

    def test_a_mistake_in_a_stream_is_raised_at_once(self, engine: Engine) -> None:
        with pytest.raises(UserError, match="top_p"):
            engine.stream("我想", top_p=7)

    def test_no_room_in_a_batch(self, engine: Engine) -> None:
        with pytest.raises(UserError, match="batch_size"):
            engine.generate_batch([Request("我想")], batch_size=0)

    def test_a_tokenizer_of_another_model(self, tokenizer: Tokenizer, plugins: PluginManager) -> None:
        with pytest.raises(ArtefactError, match="do not belong together"):
            Engine(HashRunner(50, 40), tokenizer, plugins)

    def test_logits_that_are_not_numbers(self, tokenizer: Tokenizer, plugins: PluginManager) -> None:
        broken = small_gpt2(tokenizer.vocabulary_size)
        with torch.no_grad():
            broken.transformer.wpe.weight[5] = float("nan")
        runner = LeanRunner(broken)
        with pytest.raises(ArtefactError, match=r"not finite for token 5 of the text after '我想'"):
            Engine(runner, tokenizer, plugins).generate("我想", seed=1, temperature=3.0)
        assert runner._cache.lengths == {}

    def test_a_transform_that_leaves_nothing(self, hash_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        from zaoju_builtin.decoding.transforms.top_p import TopP

        monkeypatch.setattr(TopP, "apply", lambda self, logits, options, context: logits * 0 - float("inf"))
        with pytest.raises(PluginError, match="repetition_penalty -> temperature -> top_p -> sample left no token"):
            hash_engine.generate("我想")
        assert isinstance(hash_engine.runner, HashRunner) and hash_engine.runner.rows == {}


def test_no_text_at_all_is_a_prompt(engine: Engine) -> None:
    assert engine.generate("", seed=1, max_new_tokens=5).generated_tokens > 0


def test_logits_beyond_the_tokenizer_are_never_chosen(tokenizer: Tokenizer, plugins: PluginManager) -> None:
    padded = HashRunner(4 * tokenizer.vocabulary_size, 40, spread=0.01)
    Engine(padded, tokenizer, plugins).generate("我想", seed=5, max_new_tokens=30)
    assert 0 <= padded.largest_token < tokenizer.vocabulary_size


def test_a_plan_from_the_config_is_followed(engine: Engine) -> None:
    from zaoju.config import resolve_decoding

    plan = resolve_decoding(engine.plugins, {"strategy": "top_k", "top_k": 4, "seed": 9, "max_new_tokens": 7})
    (one,) = engine.generate_batch([Request.from_plan("我想", plan)])
    assert one == engine.generate("我想", strategy="top_k", top_k=4, seed=9, max_new_tokens=7)
    (other,) = engine.generate_batch([Request.from_plan("我想", plan, seed=10, max_new_tokens=3)])
    assert (other.seed, other.parameters["max_new_tokens"]) == (10, 3)
    (nothing,) = engine.generate_batch([Request("我想", plan=replace(plan, max_new_tokens=0))])
    assert (nothing.text, nothing.finish_reason) == ("", "length")
